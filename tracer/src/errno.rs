//! Error numbers by name, and the sets of them that `--errno` takes.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The largest error number a system call can return (`MAX_ERRNO` in the kernel's `include/linux/err.h`).
pub const MAX: u32 = 4095;

/// By number. Up to 133 from the kernel's `include/uapi/asm-generic/errno.h`. Those from 512 on, from its
/// `include/linux/errno.h`, are meant never to reach user mode: the restart codes are seen by tracing only, since the
/// way out replaces them, the others when a driver leaks them.
static NAMES: &[(u32, &str)] = &[
    (1, "EPERM"),
    (2, "ENOENT"),
    (3, "ESRCH"),
    (4, "EINTR"),
    (5, "EIO"),
    (6, "ENXIO"),
    (7, "E2BIG"),
    (8, "ENOEXEC"),
    (9, "EBADF"),
    (10, "ECHILD"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (14, "EFAULT"),
    (15, "ENOTBLK"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (18, "EXDEV"),
    (19, "ENODEV"),
    (20, "ENOTDIR"),
    (21, "EISDIR"),
    (22, "EINVAL"),
    (23, "ENFILE"),
    (24, "EMFILE"),
    (25, "ENOTTY"),
    (26, "ETXTBSY"),
    (27, "EFBIG"),
    (28, "ENOSPC"),
    (29, "ESPIPE"),
    (30, "EROFS"),
    (31, "EMLINK"),
    (32, "EPIPE"),
    (33, "EDOM"),
    (34, "ERANGE"),
    (35, "EDEADLK"),
    (36, "ENAMETOOLONG"),
    (37, "ENOLCK"),
    (38, "ENOSYS"),
    (39, "ENOTEMPTY"),
    (40, "ELOOP"),
    (42, "ENOMSG"),
    (43, "EIDRM"),
    (44, "ECHRNG"),
    (45, "EL2NSYNC"),
    (46, "EL3HLT"),
    (47, "EL3RST"),
    (48, "ELNRNG"),
    (49, "EUNATCH"),
    (50, "ENOCSI"),
    (51, "EL2HLT"),
    (52, "EBADE"),
    (53, "EBADR"),
    (54, "EXFULL"),
    (55, "ENOANO"),
    (56, "EBADRQC"),
    (57, "EBADSLT"),
    (59, "EBFONT"),
    (60, "ENOSTR"),
    (61, "ENODATA"),
    (62, "ETIME"),
    (63, "ENOSR"),
    (64, "ENONET"),
    (65, "ENOPKG"),
    (66, "EREMOTE"),
    (67, "ENOLINK"),
    (68, "EADV"),
    (69, "ESRMNT"),
    (70, "ECOMM"),
    (71, "EPROTO"),
    (72, "EMULTIHOP"),
    (73, "EDOTDOT"),
    (74, "EBADMSG"),
    (75, "EOVERFLOW"),
    (76, "ENOTUNIQ"),
    (77, "EBADFD"),
    (78, "EREMCHG"),
    (79, "ELIBACC"),
    (80, "ELIBBAD"),
    (81, "ELIBSCN"),
    (82, "ELIBMAX"),
    (83, "ELIBEXEC"),
    (84, "EILSEQ"),
    (85, "ERESTART"),
    (86, "ESTRPIPE"),
    (87, "EUSERS"),
    (88, "ENOTSOCK"),
    (89, "EDESTADDRREQ"),
    (90, "EMSGSIZE"),
    (91, "EPROTOTYPE"),
    (92, "ENOPROTOOPT"),
    (93, "EPROTONOSUPPORT"),
    (94, "ESOCKTNOSUPPORT"),
    (95, "EOPNOTSUPP"),
    (96, "EPFNOSUPPORT"),
    (97, "EAFNOSUPPORT"),
    (98, "EADDRINUSE"),
    (99, "EADDRNOTAVAIL"),
    (100, "ENETDOWN"),
    (101, "ENETUNREACH"),
    (102, "ENETRESET"),
    (103, "ECONNABORTED"),
    (104, "ECONNRESET"),
    (105, "ENOBUFS"),
    (106, "EISCONN"),
    (107, "ENOTCONN"),
    (108, "ESHUTDOWN"),
    (109, "ETOOMANYREFS"),
    (110, "ETIMEDOUT"),
    (111, "ECONNREFUSED"),
    (112, "EHOSTDOWN"),
    (113, "EHOSTUNREACH"),
    (114, "EALREADY"),
    (115, "EINPROGRESS"),
    (116, "ESTALE"),
    (117, "EUCLEAN"),
    (118, "ENOTNAM"),
    (119, "ENAVAIL"),
    (120, "EISNAM"),
    (121, "EREMOTEIO"),
    (122, "EDQUOT"),
    (123, "ENOMEDIUM"),
    (124, "EMEDIUMTYPE"),
    (125, "ECANCELED"),
    (126, "ENOKEY"),
    (127, "EKEYEXPIRED"),
    (128, "EKEYREVOKED"),
    (129, "EKEYREJECTED"),
    (130, "EOWNERDEAD"),
    (131, "ENOTRECOVERABLE"),
    (132, "ERFKILL"),
    (133, "EHWPOISON"),
    (512, "ERESTARTSYS"),
    (513, "ERESTARTNOINTR"),
    (514, "ERESTARTNOHAND"),
    (515, "ENOIOCTLCMD"),
    (516, "ERESTART_RESTARTBLOCK"),
    (517, "EPROBE_DEFER"),
    (518, "EOPENSTALE"),
    (519, "ENOPARAM"),
    (521, "EBADHANDLE"),
    (522, "ENOTSYNC"),
    (523, "EBADCOOKIE"),
    (524, "ENOTSUPP"),
    (525, "ETOOSMALL"),
    (526, "ESERVERFAULT"),
    (527, "EBADTYPE"),
    (528, "EJUKEBOX"),
    (529, "EIOCBQUEUED"),
    (530, "ERECALLCONFLICT"),
    (531, "ENOGRACE"),
];

/// Second names of the same numbers, understood and never written.
static ALIASES: [(u32, &str); 3] = [(11, "EWOULDBLOCK"), (35, "EDEADLOCK"), (95, "ENOTSUP")];

/// The name of an error number (positive, as in `errno`), or `None` for one without a name.
#[must_use]
pub fn name(errno: u32) -> Option<&'static str> {
    let position = NAMES.binary_search_by_key(&errno, |(errno, _)| *errno).ok()?;
    Some(NAMES[position].1)
}

/// The number of an error name, written in capitals.
#[must_use]
pub fn number(name: &str) -> Option<u32> {
    let mut all = NAMES.iter().chain(&ALIASES);
    all.find(|(_, known)| *known == name).map(|(errno, _)| *errno)
}

/// Why an `--errno` list was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrnoError {
    /// Nothing was given, or nothing stands between two commas.
    #[error(
        "empty item in error list `{0}`: write one name or number between commas, such as ENOENT,EACCES,13"
    )]
    Empty(String),
    /// Neither a name nor a number.
    #[error("unknown error `{name}`{hint}: write a name from errno(3), such as ENOENT, or a number")]
    Unknown {
        /// As it was given.
        name: String,
        /// `, did you mean ...?` or nothing.
        hint: String,
    },
    /// A number no system call can return.
    #[error("no error number: `{0}`: system calls return errors 1 to {MAX}, written without a minus sign")]
    Range(String),
}

/// A set of error numbers, written `EPERM,ENOENT,13`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrnoSet(BTreeSet<u32>);

impl ErrnoSet {
    /// Whether `errno` (positive) is in the set.
    #[must_use]
    pub fn contains(&self, errno: u32) -> bool {
        self.0.contains(&errno)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// Adds all of `other`, so that several `--errno` add up.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }
}

impl FromStr for ErrnoSet {
    type Err = ErrnoError;

    fn from_str(text: &str) -> Result<Self, ErrnoError> {
        let parse = |item: &str| match item.trim() {
            "" => Err(ErrnoError::Empty(text.to_owned())),
            item => parse_item(item),
        };
        text.split(',').map(parse).collect::<Result<_, _>>().map(Self)
    }
}

fn parse_item(item: &str) -> Result<u32, ErrnoError> {
    if item.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit()) {
        let errno = item.parse().ok().filter(|errno| (1..=MAX).contains(errno));
        return errno.ok_or_else(|| ErrnoError::Range(item.to_owned()));
    }
    let capitals = item.to_ascii_uppercase();
    number(&capitals).ok_or_else(|| ErrnoError::Unknown { name: item.to_owned(), hint: nearest(&capitals) })
}

fn nearest(given: &str) -> String {
    let distances = NAMES.iter().map(|(_, name)| (strsim::damerau_levenshtein(given, name), *name));
    match distances.min() {
        Some((distance, name)) if distance <= 2 => format!(", did you mean {name}?"),
        _ => String::new(),
    }
}

/// Names where there are, ascending by number; reads back as the same set.
impl fmt::Display for ErrnoSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<_> =
            self.iter().map(|errno| name(errno).map_or(errno.to_string(), str::to_owned)).collect();
        f.pad(&items.join(","))
    }
}

#[cfg(test)]
mod tests;

//! Sockets, and taking connections from them.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::Path,
    rc::Rc,
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::{Shared, connection};

/// Why it cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address or a path cannot be listened at.
    #[error("cannot listen at {place}: {error}; give another --{option}, or stop what has it")]
    Listen {
        /// Address or path.
        place: String,
        /// Why.
        error: io::Error,
        /// The option that names it.
        option: &'static str,
    },
    /// Certificate or key.
    #[error("cannot serve TLS with {file}: {why}; give PEM files that belong together")]
    Tls {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
}

/// How long accepting rests after a failure (no descriptors left): it would fail again at once.
const REST: Duration = Duration::from_millis(200);

/// Listens at an address; also where that is.
pub(super) fn tcp(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let listen = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let bound = listener.local_addr()?;
        Ok((TcpListener::from_std(listener)?, bound))
    };
    listen().map_err(|error| ServeError::Listen { place: address.to_string(), error, option: "listen" })
}

/// Listens at a path; a socket that nobody listens at any more is replaced.
pub(super) fn unix(path: &Path) -> Result<UnixListener, ServeError> {
    let failed =
        |error| ServeError::Listen { place: path.display().to_string(), error, option: "unix-socket" };
    let stale = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && std::os::unix::net::UnixStream::connect(path).is_err();
    if stale {
        fs::remove_file(path).map_err(failed)?;
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    // The owner and the group; others need not know what this machine does.
    fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(listener)
}

/// Takes connections for ever.
pub(super) async fn accept_tcp(shared: Rc<Shared>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(&shared, Stream::Tcp(stream)),
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

/// Takes connections for ever.
pub(super) async fn accept_unix(shared: Rc<Shared>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => admit(&shared, Stream::Unix(stream)),
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Serves a connection, or closes it where there are too many.
fn admit(shared: &Rc<Shared>, stream: Stream) {
    let Ok(permit) = std::sync::Arc::clone(&shared.room).try_acquire_owned() else {
        shared.core.borrow_mut().numbers().refused_connections += 1;
        return;
    };
    let shared = Rc::clone(shared);
    tokio::task::spawn_local(async move {
        let _permit = permit;
        match stream {
            Stream::Tcp(stream) => match &shared.tls {
                Some(tls) => {
                    let hello =
                        tokio::time::timeout(shared.options.request_time / 2, tls.accept(stream)).await;
                    if let Ok(Ok(stream)) = hello {
                        connection::serve(&shared, stream).await;
                    }
                }
                None => connection::serve(&shared, stream).await,
            },
            // Whoever may open the file needs no encryption.
            Stream::Unix(stream) => connection::serve(&shared, stream).await,
        }
    });
}

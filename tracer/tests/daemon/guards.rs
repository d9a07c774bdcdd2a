//! Tokens, TLS, and the socket of the file system.

use std::{io::Write as _, os::unix::net::UnixStream, process::Command};

use tracer::daemon::{http::digest, options::Http};

use crate::{
    client::{Reply, ask, drain, get},
    served::{Served, options, skip},
};

#[test]
fn with_a_token_only_its_holders_are_answered() {
    let mut guarded = options();
    guarded.http.token = Some(digest("a-token-of-some-length"));
    let served = Served::with(guarded);
    for path in ["/", "/metrics", "/snapshot", "/history", "/debug/pprof/syscalls", "/nowhere"] {
        let reply = get(served.address, path);
        assert_eq!(reply.status, 401, "{path}");
        assert!(reply.headers["www-authenticate"].starts_with("Basic "), "{path}");
        let wrong = ask(served.address, "GET", path, &[("Authorization", "Bearer a-token-of-some-lengt")]);
        assert_eq!(wrong.status, 401, "{path}");
    }
    let right = ask(served.address, "GET", "/metrics", &[("Authorization", "Bearer a-token-of-some-length")]);
    assert_eq!(right.status, 200);
    for open in ["/healthz", "/readyz"] {
        assert_eq!(get(served.address, open).status, 200, "{open}");
    }
}

#[test]
fn a_socket_of_the_file_system_serves_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let with = || {
        let mut options = options();
        options.http.socket = Some(path.clone());
        options
    };
    // Left behind by one that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let _served = Served::with(with());
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Reply::parse(&drain(&mut stream)).unwrap().status, 200);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o660);
}

#[test]
fn tls_is_spoken_with_a_certificate_of_ones_own() {
    let test = "guards::tls_is_spoken_with_a_certificate_of_ones_own";
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .arg("-out")
        .arg(&chain)
        .arg("-keyout")
        .arg(&key)
        .output();
    if !made.is_ok_and(|made| made.status.success())
        || Command::new("curl").arg("--version").output().is_err()
    {
        skip(test, "no openssl or no curl here: install what Debian calls so");
        return;
    }
    let mut options = options();
    options.http = Http { tls: Some((chain.clone(), key)), ..options.http };
    let served = Served::with(options);
    assert!(served.url.starts_with("https://"));
    let fetch = |arguments: &[&str]| {
        let output =
            Command::new("curl").args(["--silent", "--max-time", "10"]).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let authority = chain.to_str().unwrap();
    let url = format!("{}/healthz", served.url);
    assert_eq!(fetch(&["--cacert", authority, &url]), "ok\n");
    assert_eq!(fetch(&["--cacert", authority, "--tlsv1.2", "--tls-max", "1.2", &url]), "ok\n");
    assert_eq!(fetch(&[&url.replace("https", "http")]), "", "no plain text on it");
    assert_eq!(fetch(&["--cacert", authority, &url]), "ok\n");
}

//! What a hostile client can send to the daemon: everything is answered with an error or closed, and the service goes on.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpStream},
};

use crate::{
    served::{Daemon, PATIENCE},
    support::{turn, within},
};

/// How an exchange ended: the status, if there was an answer, and all that was said.
#[derive(Debug)]
struct End {
    status: Option<u16>,
    said: String,
}

impl End {
    /// Refused with one of the client's errors, or closed without a word.
    fn is_refusal(&self) -> bool {
        self.status.is_none_or(|status| (400..500).contains(&status) || status == 505)
    }
}

impl Daemon {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the daemon listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("not zero");
        stream
    }

    /// Sends bytes and reads to the end. Whoever is cut off in the middle of sending has been answered or closed.
    fn send(&self, bytes: &[u8]) -> End {
        let mut stream = self.connect();
        let sent = stream.write_all(bytes);
        let closed = |kind| matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
        assert!(sent.as_ref().err().is_none_or(|error| closed(error.kind())), "{sent:?}");
        read(&mut stream)
    }

    fn get(&self, target: &str) -> End {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
    }

    /// The service is whole: it lives, and answers who asks properly.
    fn assert_well(&self, after: &str) {
        let well = within(20, || self.get("/healthz").status == Some(200));
        assert!(well, "not well after {after}");
    }

    /// All returns that it has counted.
    fn returns(&self) -> f64 {
        let metrics = self.get("/metrics").said;
        let counted = metrics.lines().filter(|line| line.starts_with("exitpath_returns_total{"));
        counted.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

/// To the end of the stream; a stream that does not end is a failure of the test.
fn read(stream: &mut TcpStream) -> End {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("neither answered nor closed: {error}; {:?}", String::from_utf8_lossy(&said)),
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    let status = said.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    End { status, said }
}

/// Requests that are refused, each with what it is called in a failure.
fn refused() -> Vec<(String, Vec<u8>)> {
    let get =
        |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes();
    let headed = |headers: &str| format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n").into_bytes();
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    // Path traversal, and targets that are no path.
    for target in [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/metrics/../../etc/passwd",
        "/snapshot/..;/etc/passwd",
        "/metrics%00.html",
        "/metrics/",
        "http://127.0.0.1/etc/passwd",
        "file:///etc/passwd",
        "*",
        "\\..\\..\\etc\\passwd",
    ] {
        all.push((format!("target {target}"), get(target)));
    }
    // Numbers beyond all bounds, and no numbers.
    for seconds in ["1e308", "-1", "NaN", "inf", "99999999999999999999", "", "0x10", "%31"] {
        for place in
            ["/debug/pprof/syscalls?seconds=", "/snapshot?seconds=", "/snapshot?format=hlog&seconds="]
        {
            all.push((format!("{place}{seconds}"), get(&format!("{place}{seconds}"))));
        }
    }
    all.push(("a format that is none".into(), get("/snapshot?format=../../etc/passwd")));
    // Sizes.
    all.push(("a target of 1 MiB".into(), get(&format!("/{}", "a".repeat(1 << 20)))));
    all.push(("a query of 1 MiB".into(), get(&format!("/snapshot?{}", "a=b&".repeat(1 << 18)))));
    all.push(("a header of 1 MiB".into(), headed(&format!("X: {}\r\n", "a".repeat(1 << 20)))));
    all.push(("10,000 headers".into(), headed(&"X: y\r\n".repeat(10_000))));
    // Other methods, with and without bodies.
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
        all.push((format!("method {method}"), request.into_bytes()));
    }
    all.push(("CONNECT".into(), b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()));
    // What is no HTTP/1.
    for (name, bytes) in [
        ("HTTP/0.9", &b"GET /metrics\r\n"[..]),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
        ("HTTP/9", b"GET / HTTP/9.9\r\n\r\n"),
        ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"),
        ("NUL bytes", b"\0\0\0\0\0\0\0\0\r\n\r\n"),
        ("NUL in the target", b"GET /met\0rics HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("NUL in a header", b"GET /metrics HTTP/1.1\r\nHost: x\0y\r\nX\0: y\r\n\r\n"),
        ("a header without colon", b"GET /metrics HTTP/1.1\r\nHost\r\n\r\n"),
        ("a folded header", b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n"),
        ("two lengths", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        ("a negative length", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
    ] {
        all.push((name.into(), bytes.to_vec()));
    }
    all
}

#[test]
fn what_is_no_proper_request_is_refused() {
    let Some(_turn) = turn("attacks::what_is_no_proper_request_is_refused") else { return };
    let daemon = Daemon::start(&mut Daemon::command());
    let before = daemon.returns();
    for (name, request) in refused() {
        let end = daemon.send(&request);
        let short = |text: &str| text.chars().take(200).collect::<String>();
        assert!(end.is_refusal(), "{name}: {:?} {}", end.status, short(&end.said));
        assert!(!end.said.contains("root:"), "{name} shows a file");
    }
    daemon.assert_well("refusals");
    assert!(daemon.returns() > before, "counts rise");
}

/// What may be answered properly, and must be as if it were asked properly.
#[test]
fn odd_requests_change_nothing_for_others() {
    let Some(_turn) = turn("attacks::odd_requests_change_nothing_for_others") else { return };
    let daemon = Daemon::start(&mut Daemon::command());
    for accept in [
        "application/vnd.google.protobuf;proto=;;;;encoding=\"",
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; q=1e999",
        "application/vnd.google.protobuf;proto=../../etc/passwd;encoding=delimited",
        ";q=NaN,,,,;;;q=-1",
        "*/*;q=0",
        &"a/b;q=0.1,".repeat(1_000),
        "\u{ff}\u{fe}",
    ] {
        let request =
            format!("GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
        let end = daemon.send(request.as_bytes());
        let known = end.said.contains("exitpath_build_info");
        assert!(end.status == Some(200) && known || end.is_refusal(), "{accept}: {:?}", end.status);
    }
    // Requests in a row, before the first is answered.
    let mut stream = daemon.connect();
    let mut requests = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(49);
    requests.push_str("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(requests.as_bytes()).expect("they are few");
    assert_eq!(read(&mut stream).said.matches("HTTP/1.1 200 OK").count(), 50);
    // Bodies that nobody asked for: what follows is not taken for a request of its own that is answered.
    let smuggled = "0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for headers in
        ["Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "Transfer-Encoding: chunked, identity\r\n"]
    {
        let request =
            format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n{smuggled}");
        let end = daemon.send(request.as_bytes());
        assert!(!end.said.contains("exitpath_build_info"), "{headers}");
    }
    let endless = format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "5\r\nhello\r\n".repeat(200_000)
    );
    let end = daemon.send(endless.as_bytes());
    assert!(end.status.is_none_or(|status| status == 200 || status >= 400), "{:?}", end.status);
    // Whoever hangs up in the middle.
    for _ in 0..50 {
        let mut stream = daemon.connect();
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        let _ = stream.shutdown(Shutdown::Both);
    }
    daemon.assert_well("odd requests");
}

/// More clients than the daemon serves, which say nothing, or a byte now and then, or do not read: none keeps its place.
#[test]
fn slow_clients_keep_nobody_out() {
    let Some(_turn) = turn("attacks::slow_clients_keep_nobody_out") else { return };
    raise_descriptors();
    let daemon = Daemon::start(&mut Daemon::command());
    let before = daemon.returns();
    let crowd: Vec<TcpStream> =
        (0..1_000).filter_map(|_| TcpStream::connect_timeout(&daemon.address, PATIENCE).ok()).collect();
    assert!(crowd.len() > 500, "only {} of 1,000 could connect", crowd.len());
    // They are still there.
    daemon.assert_well("1,000 connections");
    drop(crowd);

    // A byte at a time: the head has a time limit, not every byte of it.
    let mut slow: Vec<TcpStream> = (0..64).map(|_| daemon.connect()).collect();
    let closed = within(30, || {
        slow.retain_mut(|stream| {
            let mut byte = [0];
            let _ = stream.write_all(b"G");
            stream.set_nonblocking(true).expect("a socket");
            let open = matches!(stream.read(&mut byte), Err(error) if error.kind() == ErrorKind::WouldBlock);
            let _ = stream.set_nonblocking(false);
            open
        });
        slow.is_empty()
    });
    assert!(closed, "{} slow clients still have their place", slow.len());
    daemon.assert_well("slow clients");

    // Answers that are not read.
    let deaf: Vec<TcpStream> = (0..32)
        .map(|_| {
            let mut stream = daemon.connect();
            stream
                .write_all("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100).as_bytes())
                .expect("it is short");
            stream
        })
        .collect();
    daemon.assert_well("clients that do not read");
    drop(deaf);
    assert!(daemon.returns() > before, "counts rise");
}

/// A thousand connections are as many descriptors.
fn raise_descriptors() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: valid pointers to a plain structure.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max.min(8_192);
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
}

//! Clients that mean no good, or are broken: each is answered with an error or closed, and others notice nothing.

use std::{io::Write as _, net::TcpStream, time::Instant};

use crate::{
    client::{Reply, ask, connect, drain, get, send},
    served::Served,
};

fn assert_intact(served: &Served) {
    assert_eq!(get(served.address, "/healthz").status, 200);
    assert_eq!(get(served.address, "/metrics").status, 200);
}

#[test]
fn nothing_but_reading_is_allowed() {
    let served = Served::new();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"] {
        let path = if method == "CONNECT" { "test:80" } else { "/metrics" };
        let reply = ask(served.address, method, path, &[("Content-Length", "0")]);
        assert_eq!((reply.status, &*reply.headers["allow"]), (405, "GET, HEAD"), "{method}");
    }
    assert_intact(&served);
}

#[test]
fn what_is_no_request_is_refused() {
    let served = Served::new();
    let long = "x".repeat(1 << 20);
    for bytes in [
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(500)),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\0\u{5}hello".to_owned(),
        "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\r\n".repeat(10_000),
    ] {
        let answer = send(served.address, bytes.as_bytes());
        let status = Reply::parse(&answer).map(|reply| reply.status);
        let shown = &bytes[..bytes.len().min(60)];
        assert!(status.is_none_or(|status| (400..=505).contains(&status)), "{shown:?}: {status:?}");
    }
    assert_intact(&served);
}

#[test]
fn slow_clients_are_closed() {
    let served = Served::new();
    let mut streams: Vec<TcpStream> = ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: "]
        .iter()
        .map(|begin| {
            let mut stream = connect(served.address);
            stream.write_all(begin.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_intact(&served);
    // Each ends by the daemon's will; the client would wait for longer.
    for stream in &mut streams {
        drain(stream);
    }
}

#[test]
fn a_scraper_that_reads_nothing_keeps_nobody_out() {
    let served = Served::new();
    let mut stalled = Vec::new();
    for _ in 0..8 {
        let mut stream = connect(served.address);
        // More than all buffers hold.
        stream.write_all("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(400).as_bytes()).unwrap();
        stalled.push(stream);
    }
    let since = Instant::now();
    assert_intact(&served);
    assert!(since.elapsed().as_secs() < 15, "others waited");
}

#[test]
fn a_thousand_connections_do_no_harm() {
    let served = Served::new();
    let mut streams = Vec::new();
    for _ in 0..1000 {
        match TcpStream::connect(served.address) {
            Ok(stream) => streams.push(stream),
            Err(_) => break,
        }
    }
    assert!(streams.len() > 100, "{} connections", streams.len());
    drop(streams);
    let mut tries = (0..100).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let bytes = send(served.address, b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        Reply::parse(&bytes).is_some_and(|reply| reply.status == 200)
    });
    assert!(tries.any(|served| served));
    let text = get(served.address, "/metrics").text();
    let refused = text.lines().find_map(|line| line.strip_prefix("exitpath_http_refused_connections_total "));
    assert!(refused.is_some_and(|count| count != "0.0"), "{refused:?}");
}

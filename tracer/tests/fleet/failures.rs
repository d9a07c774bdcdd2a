//! What `exitpath diff --prometheus` says where there is nothing to compare: one line, and exit code 2.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    process::Command,
};

const SELECTORS: [&str; 4] = ["--base", r#"release="a""#, "--new", r#"release="b""#];
const NOTHING: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

/// A server that says `status` and `body` to whatever is asked, for as long as the test runs.
fn server(status: &'static str, body: impl Fn(&str) -> String + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut asked = Vec::new();
            let mut part = [0; 4096];
            // Head and form come in one or two parts; the form ends the request.
            while !String::from_utf8_lossy(&asked).contains("query=") {
                match stream.read(&mut part) {
                    Ok(read) if read > 0 => asked.extend(&part[..read]),
                    _ => break,
                }
            }
            let body = body(&String::from_utf8_lossy(&asked));
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    address
}

/// What it says on standard error.
fn fails(url: &str, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_exitpath"))
        .args(["diff", "--prometheus", url])
        .args(more)
        .env("NO_PROXY", "*")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
    said
}

/// The same in one line.
fn line(url: &str, more: &[&str]) -> String {
    let said = fails(url, more);
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

#[test]
fn a_server_that_is_none_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = line(&url(closed), &SELECTORS);
    assert!(
        said.contains(&closed.to_string()) && said.to_lowercase().contains("connection refused"),
        "{said}"
    );
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let said = line(&url(silent.local_addr().unwrap()), &[&SELECTORS[..], &["--timeout", "200ms"]].concat());
    assert!(said.contains("no answer within 0.2 s"), "{said}");
    for (status, body, expected) in [
        ("404 Not Found", "no", "status 404: is this the address of a Prometheus server"),
        ("200 OK", "<html>", "is not the JSON of Prometheus' query API"),
        ("401 Unauthorized", "", "a token that is good (--token-file)"),
        (
            "400 Bad Request",
            r#"{"status":"error","error":"1:2: parse error"}"#,
            "the server refuses the query: 1:2: parse error",
        ),
        ("200 OK", NOTHING, "the server has no exitpath_kernel_info in this time"),
    ] {
        let said = line(&url(server(status, move |_| body.to_owned())), &SELECTORS);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn hosts_must_be_several_and_have_native_histograms() {
    let host = |name: &str, release: &str| {
        format!(
            r#"{{"metric":{{"instance":"{name}","job":"x","release":"{release}","plan":"p"}},"value":[1,"40"]}}"#
        )
    };
    let answer = |hosts: &[String]| NOTHING.replace("[]", &format!("[{}]", hosts.join(",")));
    let (a, b) = (host("a:1", "6.1"), host("b:1", "6.1"));
    let one = answer(std::slice::from_ref(&a));
    let said = line(&url(server("200 OK", move |_| one.clone())), &SELECTORS);
    assert!(said.contains("matches only one host, a:1: hosts are the replicates"), "{said}");
    let two = answer(&[a.clone(), host("a:1", "6.12"), b.clone()]);
    let said = line(&url(server("200 OK", move |_| two.clone())), &SELECTORS);
    assert!(said.contains("a:1 ran 6.1 (p) and 6.12 (p) in this time"), "{said}");
    let (both, none) = (answer(&[a.clone(), b]), NOTHING.to_owned());
    let bare = both.clone();
    let classic = move |asked: &str| if asked.contains("kernel_info") { both.clone() } else { none.clone() };
    let said = line(&url(server("200 OK", classic)), &SELECTORS);
    assert!(
        said.contains("a:1 has no native histogram") && said.contains("--enable-feature=native-histograms"),
        "{said}"
    );
    let nobody = move |asked: &str| if asked.contains("release") { NOTHING.to_owned() } else { bare.clone() };
    let said = line(&url(server("200 OK", nobody)), &SELECTORS);
    assert!(said.contains(r#"no host matches release="a""#), "{said}");
}

#[test]
fn the_command_line_is_checked_before_anything_is_asked() {
    let here = "http://127.0.0.1:1";
    let said = line(here, &["--base", "a=\"b\""]);
    assert!(said.contains("the new side is missing") && said.contains("--new SELECTOR"), "{said}");
    assert!(line("prometheus:9090", &SELECTORS).contains("as in --prometheus http://prometheus:9090"));
    assert!(line("http://me:secret@prometheus:9090", &SELECTORS).contains("--token-file"));
    let missing = [&SELECTORS[..], &["--token-file", "/nonexistent"]].concat();
    assert!(line(here, &missing).contains("cannot use the token in /nonexistent"));
    for wrong in [&["a.hlog"][..], &["--range", "-1h"], &["--host-label", "no such"], &["--at", "yesterday"]]
    {
        assert!(!fails(here, &[&SELECTORS[..], wrong].concat()).is_empty());
    }
}

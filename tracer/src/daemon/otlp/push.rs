//! Pushing: a request now and then. What could not be sent is no loss: counters are cumulative, the next request says
//! it all.

use std::{cell::RefCell, rc::Rc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use prost::Message as _;
use tokio::net::TcpStream;

use super::Otlp;
use crate::daemon::core::{Core, say};

/// For a request and its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of an answer more is not read.
const ANSWER: usize = 4096;

/// How pushing went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Requests that were taken.
    pub pushed: u64,
    /// Requests that were not.
    pub failed: u64,
}

/// Pushes for ever. Runs on the thread's `LocalSet`.
pub async fn run(core: Rc<RefCell<Core>>, otlp: Otlp) {
    let mut failing = false;
    loop {
        tokio::time::sleep(otlp.interval).await;
        let body = core.borrow_mut().otlp().encode_to_vec();
        let pushed = tokio::time::timeout(PATIENCE, push(&otlp, body)).await;
        let pushed = pushed.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let mut core = core.borrow_mut();
        let counts = &mut core.numbers().otlp;
        match pushed {
            Ok(()) => {
                counts.pushed += 1;
                if std::mem::replace(&mut failing, false) {
                    say(&format!("{} takes metrics again", otlp.url));
                }
            }
            Err(why) => {
                counts.failed += 1;
                if !std::mem::replace(&mut failing, true) {
                    say(&format!("{} does not take metrics: {why}; it is tried again", otlp.url));
                }
            }
        }
    }
}

async fn push(otlp: &Otlp, body: Vec<u8>) -> Result<(), String> {
    let said = |error: hyper::Error| error.to_string();
    let stream = TcpStream::connect(otlp.address).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
    // It ends with the answer, or with the sender.
    let connection = tokio::task::spawn_local(connection);
    let request = Request::post(&otlp.path)
        .header(header::HOST, &otlp.authority)
        .header(header::USER_AGENT, concat!("exitpath/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/x-protobuf")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await.map_err(said)?;
    let status = answer.status();
    let read = Limited::new(answer.into_body(), ANSWER).collect().await;
    drop(sender);
    connection.abort();
    if status.is_success() {
        return Ok(());
    }
    let text = read.map(|read| String::from_utf8_lossy(&read.to_bytes()).into_owned()).unwrap_or_default();
    Err(format!("{status} {}", text.trim().escape_debug()))
}

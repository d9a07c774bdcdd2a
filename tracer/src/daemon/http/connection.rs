//! One connection: its requests, and the ends of patience.

use std::{pin::pin, rc::Rc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Shared, answer};

/// Request line and headers together, in bytes.
const HEAD: usize = 16 << 10;
/// Headers of a request.
const HEADERS: usize = 64;
/// A connection is closed after this, once its request is answered: a client that stalls keeps nobody out for ever.
const LIFE: Duration = Duration::from_mins(2);

/// Serves it to its end. What goes wrong with it concerns its client only.
pub(super) async fn serve(shared: &Rc<Shared>, stream: impl AsyncRead + AsyncWrite + Unpin) {
    let answers = service_fn(|request| answer::answer(shared, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.options.request_time / 2)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), answers);
    let mut connection = pin!(connection);
    if let Ok(_ended) = tokio::time::timeout(LIFE, connection.as_mut()).await {
        return;
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(shared.options.request_time, connection).await;
}

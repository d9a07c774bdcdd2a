//! What is answered to what.

use std::{convert::Infallible, rc::Rc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
};

use super::{Shared, page, query::Query, token, window};
use crate::{
    daemon::{exposition::Encoding, pprof},
    output::json,
    report::{Grouping, View},
};

pub(super) type Answer = Response<Full<Bytes>>;

/// The longest profile, and the longest report from memory, in seconds.
const PROFILE: f64 = 60.0;
/// The longest recording that is handed out, in seconds.
const RECORDING: f64 = 86_400.0;

/// Answers a request, in time.
pub(super) async fn answer(shared: &Rc<Shared>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    shared.core.borrow_mut().numbers().requests += 1;
    let patience = shared.options.request_time + Duration::from_secs_f64(PROFILE);
    let answered = tokio::time::timeout(patience, route(shared, &request)).await;
    let late = |_| text(StatusCode::SERVICE_UNAVAILABLE, "this took too long\n");
    let mut answer = answered.unwrap_or_else(late);
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("default-src 'none'"));
    Ok(answer)
}

async fn route(shared: &Rc<Shared>, request: &Request<Incoming>) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        return with(answer, header::ALLOW, "GET, HEAD");
    }
    let path = request.uri().path();
    // Whoever looks after the service needs no token to see whether it lives.
    match path {
        "/healthz" => return health(shared.core.borrow().is_alive()),
        "/readyz" => return text(StatusCode::OK, "ready\n"),
        _ => {}
    }
    let said = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    if shared.options.token.is_some_and(|wanted| !token::shows(said(header::AUTHORIZATION), wanted)) {
        let answer = text(StatusCode::UNAUTHORIZED, "show the token: Authorization: Bearer TOKEN\n");
        return with(answer, header::WWW_AUTHENTICATE, "Basic realm=\"exitpath\", charset=\"UTF-8\"");
    }
    let query = Query::new(request.uri().query());
    let answered = match path {
        "/" => Ok(page::page()),
        "/metrics" => {
            let encoding = Encoding::of(said(header::ACCEPT).unwrap_or(""));
            let bytes = shared.core.borrow_mut().metrics(encoding);
            Ok(of_type(bytes, encoding.content_type()))
        }
        "/history" => Ok(json_of(&shared.core.borrow().recent().history())),
        "/snapshot" => snapshot(shared, &query).await,
        "/debug/pprof/syscalls" => profile(shared, &query).await,
        _ => Ok(text(
            StatusCode::NOT_FOUND,
            "there are: / /metrics /snapshot /history /healthz /readyz /debug/pprof/syscalls\n",
        )),
    };
    answered.unwrap_or_else(|why| text(StatusCode::BAD_REQUEST, &format!("{why}\n")))
}

fn health(alive: bool) -> Answer {
    if alive {
        text(StatusCode::OK, "ok\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "the maps were not read for three intervals\n")
    }
}

/// A report of the last seconds, or their intervals as a recording.
async fn snapshot(shared: &Rc<Shared>, query: &Query<'_>) -> Result<Answer, String> {
    match query.get("format") {
        None | Some("json") => {
            let seconds = query.number("seconds", 0.0, RECORDING)?.unwrap_or(60.0);
            let grouping = match query.get("by") {
                None | Some("syscall-path") => Grouping::SyscallPath,
                Some("syscall") => Grouping::Syscall,
                Some("path") => Grouping::Path,
                Some(_) => return Err("by is syscall-path, syscall or path".to_owned()),
            };
            let top = query.number("top", 1.0, 1e6)?.map(|top| top as usize);
            let report = shared.core.borrow_mut().report(seconds, &View { grouping, top, ..View::default() });
            Ok(json_of(&json::object(&report)))
        }
        Some("hlog") => {
            let seconds = query.number("seconds", 0.0, RECORDING)?.unwrap_or(300.0);
            let bytes = window::recording(&shared.core, seconds).await?;
            let answer = of_type(bytes, "application/zstd");
            Ok(with(answer, header::CONTENT_DISPOSITION, "attachment; filename=\"exitpath.hlog.zst\""))
        }
        Some(_) => Err("format is json or hlog".to_owned()),
    }
}

/// A profile of the next seconds; without, of all since the start.
async fn profile(shared: &Rc<Shared>, query: &Query<'_>) -> Result<Answer, String> {
    let since_epoch = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        now.as_nanos() as i64
    };
    let sums = || pprof::sums(shared.core.borrow_mut().totals());
    let began = since_epoch();
    let sums = match query.number("seconds", 0.1, PROFILE)? {
        Some(seconds) => {
            let before = sums();
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            pprof::since(sums(), &before)
        }
        None => sums(),
    };
    let comment = pprof::comment(shared.core.borrow().metadata());
    let profile = pprof::profile(&sums, began, since_epoch() - began, &comment);
    let bytes = pprof::encode(&profile).map_err(|error| error.to_string())?;
    Ok(of_type(bytes, "application/octet-stream"))
}

/// A line or two.
pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    let mut answer = of_type(text.as_bytes().to_vec(), "text/plain; charset=utf-8");
    *answer.status_mut() = status;
    answer
}

fn json_of(value: &serde_json::Value) -> Answer {
    of_type(value.to_string().into_bytes(), "application/json")
}

pub(super) fn of_type(bytes: Vec<u8>, content_type: &'static str) -> Answer {
    with(Response::new(Full::new(bytes.into())), header::CONTENT_TYPE, content_type)
}

pub(super) fn with(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}

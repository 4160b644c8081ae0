//! The admin listener: liveness, readiness and metrics. Never on the data listener.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::proxy::{Proxy, ReplyBody};
use crate::telemetry::TEXT_FORMAT;

/// Answers one admin request.
pub fn answer(proxy: &Arc<Proxy>, request: &Request<Incoming>) -> Response<ReplyBody> {
    let readable = matches!(*request.method(), Method::GET | Method::HEAD);
    match request.uri().path() {
        _ if !readable => json(StatusCode::METHOD_NOT_ALLOWED, &serde_json::json!({ "status": "use GET" })),
        "/livez" => json(StatusCode::OK, &serde_json::json!({ "status": "live" })),
        "/readyz" | "/healthz" => readiness(proxy),
        "/metrics" => metrics(proxy),
        _ => json(StatusCode::NOT_FOUND, &serde_json::json!({ "status": "not found" })),
    }
}

fn readiness(proxy: &Proxy) -> Response<ReplyBody> {
    let checks = proxy.readiness();
    let ready = checks.iter().all(|check| check.problem.is_none() || check.serves);
    let list: serde_json::Map<_, _> = checks
        .iter()
        .map(|check| (check.name.to_owned(), check.problem.as_deref().unwrap_or("ok").into()))
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ready" } else { "not ready" };
    json(status, &serde_json::json!({ "status": word, "policy": proxy.policy_digest(), "checks": list }))
}

fn metrics(proxy: &Proxy) -> Response<ReplyBody> {
    match proxy.metrics() {
        Some(Ok(text)) => {
            let mut response = Response::new(ReplyBody::whole(text.into()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT));
            response
        }
        Some(Err(error)) => {
            let status = error.to_string();
            json(StatusCode::INTERNAL_SERVER_ERROR, &serde_json::json!({ "status": status }))
        }
        None => {
            let hint = "metrics are turned off; set `telemetry.prometheus: true`";
            json(StatusCode::NOT_FOUND, &serde_json::json!({ "status": hint }))
        }
    }
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::whole(format!("{value}\n").into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

//! `StartAsyncInvoke`, `GetAsyncInvoke` and `ListAsyncInvokes`, remembered as long as the double runs.
//!
//! Every invocation is complete as soon as it has started, and nothing is written to S3. A start that repeats a client
//! token is the start that used it first; with another body it is a conflict, as at the service.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::bedrock::fault::Fault;
use crate::clock;

use super::catalogue::{Model, decoded};
use super::fields::Fields;
use super::invoke;
use super::plan::{Plan, Reply};
use super::random::Random;
use super::reply::Refusal;
use super::resources::ACCOUNT;

/// The invocations so far, in the order of their starts.
#[derive(Debug, Default)]
pub struct AsyncInvokes {
    // Written by starts, read by all; held for a copy.
    started: Mutex<Vec<Invocation>>,
}

#[derive(Debug, Clone)]
struct Invocation {
    token: Option<String>,
    body: Vec<u8>,
    arn: String,
    /// As both reads show it.
    summary: Value,
}

impl AsyncInvokes {
    /// The answer to `StartAsyncInvoke`.
    pub fn start(&self, model: &Model, region: &str, body: &[u8]) -> Result<Plan, Refusal> {
        let document: Value = serde_json::from_slice(body)
            .map_err(|_| Refusal::new(Fault::Validation, "The request body is not valid JSON."))?;
        let fields = Fields::of(&document)?;
        let prompt = invoke::prompt(model, fields.required("modelInput")?)?;
        let output = fields.required("outputDataConfig")?;
        let uri = output.pointer("/s3OutputDataConfig/s3Uri").and_then(Value::as_str);
        if !uri.is_some_and(|uri| uri.starts_with("s3://")) {
            return Err(Refusal::new(Fault::Validation, "Invalid S3 output location."));
        }
        let token = fields.optional_text("clientRequestToken")?;
        let arn = self.remember(model, region, token, output, body)?;
        let document = json!({"invocationArn": arn});
        Ok(Plan { texts: prompt.texts, usage: None, reply: Reply::Conversation { document } })
    }

    /// The answer to `GetAsyncInvoke`.
    pub fn get(&self, arn: &str) -> Result<Value, Refusal> {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let found = started.iter().find(|invocation| invocation.arn == arn);
        found
            .map(|invocation| invocation.summary.clone())
            .ok_or_else(|| Refusal::new(Fault::Validation, "The provided invocation ARN is invalid."))
    }

    /// The answer to `ListAsyncInvokes`, the newest first.
    pub fn list(&self, query: &str) -> Value {
        let value = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
        };
        let number = |name| value(name).and_then(|text| text.parse::<usize>().ok());
        let status = value("statusEquals");
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let mut summaries: Vec<Value> = started
            .iter()
            .map(|invocation| invocation.summary.clone())
            .filter(|summary| status.as_deref().is_none_or(|status| summary["status"] == *status))
            .collect();
        if value("sortOrder").is_none_or(|order| order != "Ascending") {
            summaries.reverse();
        }
        let first = number("nextToken").unwrap_or(0);
        let most = number("maxResults").unwrap_or(usize::MAX);
        let rest = summaries.len().saturating_sub(first) > most;
        let page: Vec<Value> = summaries.into_iter().skip(first).take(most).collect();
        let next = first + page.len();
        let mut list = json!({"asyncInvokeSummaries": page});
        if let (true, Some(members)) = (rest, list.as_object_mut()) {
            members.insert("nextToken".to_owned(), next.to_string().into());
        }
        list
    }

    /// The ARN of a new invocation, or of the one that the token stands for.
    fn remember(
        &self,
        model: &Model,
        region: &str,
        token: Option<&str>,
        output: &Value,
        body: &[u8],
    ) -> Result<String, Refusal> {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let known = started.iter().find(|known| token.is_some() && known.token.as_deref() == token);
        if let Some(known) = known {
            let conflict = "The client request token was used for a request with other parameters.";
            return if known.body == body {
                Ok(known.arn.clone())
            } else {
                Err(Refusal::new(Fault::Conflict, conflict))
            };
        }
        let count = started.len().to_string();
        let id = Random::of(&[&count, token.unwrap_or_default()]).identifier(12);
        let arn = format!("arn:aws:bedrock:{region}:{ACCOUNT}:async-invoke/{id}");
        let time = clock::now().to_string();
        let mut summary = json!({
            "invocationArn": arn,
            "modelArn": model.arn(region),
            "status": "Completed",
            "submitTime": time,
            "lastModifiedTime": time,
            "endTime": time,
            "outputDataConfig": output,
        });
        if let (Some(token), Some(members)) = (token, summary.as_object_mut()) {
            members.insert("clientRequestToken".to_owned(), token.into());
        }
        let token = token.map(str::to_owned);
        started.push(Invocation { token, body: body.to_vec(), arn: arn.clone(), summary });
        Ok(arn)
    }
}

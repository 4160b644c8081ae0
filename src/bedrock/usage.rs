//! How many tokens an exchange took, wherever Bedrock says so.
//!
//! Receives response headers and the places in answers that hold counts, returns [`Usage`]. A count that is absent, null
//! or no whole number is `None`: it is never guessed and never zero.
//!
//! Where several places count the same, the one that Bedrock itself writes wins, count by count: of a whole answer the
//! headers over the body, of a stream `amazon-bedrock-invocationMetrics` over the family's own events, and of those the
//! later over the earlier, because they are cumulative. Input never includes what was read from or written to a cache.

use http::HeaderMap;

use super::json::Node;
use super::view::Usage;

/// Counts in the headers of a unary InvokeModel answer. Not every family sends them; input excludes cached tokens.
pub fn usage_from_headers(headers: &HeaderMap) -> Usage {
    let count = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    Usage {
        input: count("x-amzn-bedrock-input-token-count"),
        output: count("x-amzn-bedrock-output-token-count"),
        cache_read: count("x-amzn-bedrock-cache-read-input-token-count"),
        cache_write: count("x-amzn-bedrock-cache-write-input-token-count"),
    }
}

/// `usage` of Converse (botocore model) and of Nova, which spells the cache counts differently.
pub(crate) fn of_converse(usage: &Node<'_>) -> Usage {
    let either = |first: &str, second: &str| count(usage, first).or_else(|| count(usage, second));
    Usage {
        input: count(usage, "inputTokens"),
        output: count(usage, "outputTokens"),
        cache_read: either("cacheReadInputTokens", "cacheReadInputTokenCount"),
        cache_write: either("cacheWriteInputTokens", "cacheWriteInputTokenCount"),
    }
}

/// `usage` of Anthropic's Messages.
pub(crate) fn of_messages(usage: &Node<'_>) -> Usage {
    Usage {
        input: count(usage, "input_tokens"),
        output: count(usage, "output_tokens"),
        cache_read: count(usage, "cache_read_input_tokens"),
        cache_write: count(usage, "cache_creation_input_tokens"),
    }
}

/// `usage` of chat completions. Its prompt tokens include those read from a cache; ours do not.
pub(crate) fn of_chat(usage: &Node<'_>) -> Usage {
    let prompt = count(usage, "prompt_tokens");
    let cached = usage.get("prompt_tokens_details").and_then(|details| count(details, "cached_tokens"));
    Usage {
        input: prompt.map(|prompt| prompt.saturating_sub(cached.unwrap_or_default())),
        output: count(usage, "completion_tokens"),
        cache_read: cached,
        cache_write: None,
    }
}

/// `usage` of OpenAI's responses. Its input tokens include those read from a cache; ours do not.
pub(crate) fn of_responses(usage: &Node<'_>) -> Usage {
    let input = count(usage, "input_tokens");
    let cached = usage.get("input_tokens_details").and_then(|details| count(details, "cached_tokens"));
    Usage {
        input: input.map(|input| input.saturating_sub(cached.unwrap_or_default())),
        output: count(usage, "output_tokens"),
        cache_read: cached,
        cache_write: None,
    }
}

/// `amazon-bedrock-invocationMetrics`, which Bedrock adds to the last chunk of every family.
pub(crate) fn of_invocation_metrics(metrics: &Node<'_>) -> Usage {
    Usage {
        input: count(metrics, "inputTokenCount"),
        output: count(metrics, "outputTokenCount"),
        cache_read: count(metrics, "cacheReadInputTokenCount"),
        cache_write: count(metrics, "cacheWriteInputTokenCount"),
    }
}

pub(crate) fn count(node: &Node<'_>, name: &str) -> Option<u64> {
    node.get(name).and_then(Node::as_count)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn headers_give_the_counts_they_have() {
        let mut headers = HeaderMap::new();
        headers.insert("X-Amzn-Bedrock-Input-Token-Count", HeaderValue::from_static("12"));
        headers.insert("x-amzn-bedrock-output-token-count", HeaderValue::from_static("345"));
        headers.insert("x-amzn-bedrock-cache-read-input-token-count", HeaderValue::from_static("many"));
        let usage = usage_from_headers(&headers);
        assert_eq!(usage, Usage { input: Some(12), output: Some(345), cache_read: None, cache_write: None });
    }
}

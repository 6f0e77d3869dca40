//! What is put on the wire for each behaviour.

use serde_json::{Value, json};

use super::{
    Inner,
    behaviour::Behaviour,
    form::Asked,
    http::{CONTROL_PREFIX, HttpRequest, Reply},
    state::{INVALID_CLIENT, INVALID_GRANT, Refused},
};

/// How an answer is sent.
pub(super) enum Delivery {
    /// As it is.
    Whole(Reply),
    /// Half of it, then the connection is closed.
    Half(Reply),
    /// Half of it, then nothing.
    Stall(Reply),
    /// With a body of so many bytes instead of its own.
    Huge(Reply, usize),
    /// The connection is closed.
    Cut,
    /// Nothing at all.
    Never,
}

/// The answer to a call, and whether a token was minted for it.
pub(super) fn answer(
    inner: &Inner,
    behaviour: Behaviour,
    asked: &Asked,
    request: &HttpRequest,
) -> (Delivery, bool) {
    let refused = |refused| (Delivery::Whole(oauth_error(refused)), false);
    let plain = |reply| (Delivery::Whole(reply), false);
    match behaviour {
        Behaviour::Healthy
        | Behaviour::Slow(_)
        | Behaviour::Hold
        | Behaviour::RotateRefreshToken
        | Behaviour::AbsurdExpiry
        | Behaviour::NulBody
        | Behaviour::NoToken
        | Behaviour::ShortLived(_) => {
            let (reply, minted) = grant(inner, behaviour, asked);
            (Delivery::Whole(reply), minted)
        }
        Behaviour::HalfAnswer => {
            let (reply, minted) = grant(inner, behaviour, asked);
            (Delivery::Half(reply), minted)
        }
        Behaviour::Stall => {
            let (reply, minted) = grant(inner, behaviour, asked);
            (Delivery::Stall(reply), minted)
        }
        Behaviour::Revoked => refused(inner.state().check(asked).err().unwrap_or(INVALID_GRANT)),
        Behaviour::InvalidScope => refused(inner.state().check(asked).err().unwrap_or(INVALID_SCOPE)),
        Behaviour::InvalidClient => refused(INVALID_CLIENT),
        Behaviour::RateLimited(wait) => {
            let reply = Reply::json(429, &too_many_requests());
            plain(match wait {
                Some(seconds) => reply.with("Retry-After", seconds.to_string()),
                None => reply,
            })
        }
        Behaviour::Unavailable503 => plain(Reply::new(503, "text/plain", "")),
        Behaviour::Html200 => plain(Reply::html(200, page("We'll be right back", "eBay is being updated."))),
        Behaviour::Html502 => plain(Reply::html(502, page("502 Bad Gateway", "The proxy server failed."))),
        Behaviour::Empty200 => plain(Reply::new(200, "application/json", "")),
        Behaviour::Redirect => {
            let trap = format!("{}{CONTROL_PREFIX}{TRAP}", inner.url);
            plain(Reply::html(307, page("Moved", "")).with("Location", trap))
        }
        Behaviour::HugeBody(megabytes) => {
            let bytes = megabytes as usize * 1_000_000;
            (Delivery::Huge(Reply::new(200, "application/json", ""), bytes), false)
        }
        Behaviour::Echo => plain(Reply::html(400, echo(request))),
        Behaviour::Cut => (Delivery::Cut, false),
        Behaviour::Hang => (Delivery::Never, false),
    }
}

/// The last part of the path to which [`Behaviour::Redirect`] points.
pub(super) const TRAP: &str = "redirected";

const INVALID_SCOPE: Refused = (
    400,
    "invalid_scope",
    "The requested scope is invalid, unknown, malformed, or exceeds the scope granted to the client",
);

/// A token for a good request, eBay's error for another; the answer is bent as `behaviour` says.
fn grant(inner: &Inner, behaviour: Behaviour, asked: &Asked) -> (Reply, bool) {
    if matches!(behaviour, Behaviour::NoToken) {
        return match inner.state().check(asked) {
            Ok(()) => (Reply::json(200, &json!({"expires_in": 7200, "token_type": TOKEN_TYPE})), false),
            Err(refused) => (oauth_error(refused), false),
        };
    }
    let rotated = matches!(behaviour, Behaviour::RotateRefreshToken).then(|| inner.mint.refresh_token());
    let granted = inner.state().grant(asked, rotated.as_deref());
    let granted = match granted {
        Ok(granted) => granted,
        Err(refused) => return (oauth_error(refused), false),
    };
    let mut body = json!({
        "access_token": inner.mint.access_token(), "expires_in": granted.expires_in, "token_type": TOKEN_TYPE
    });
    if let Some(rotated) = rotated {
        body["refresh_token"] = rotated.into();
        body["refresh_token_expires_in"] = 47_304_000.into();
    }
    match behaviour {
        Behaviour::ShortLived(seconds) => body["expires_in"] = seconds.into(),
        Behaviour::AbsurdExpiry => match absurd(granted.minted) {
            Some(absurd) => body["expires_in"] = absurd,
            None => body = json!({"access_token": body["access_token"], "token_type": TOKEN_TYPE}),
        },
        Behaviour::NulBody => {
            body["access_token"] = format!("v^1.1#i^1#p^3\0{}", "\0".repeat(40)).into();
            body["no\0te"] = "a\0b".into();
        }
        _ => {}
    }
    (Reply::json(200, &body), true)
}

const TOKEN_TYPE: &str = "User Access Token";

/// A life that is none; `None` stands for leaving it out.
fn absurd(turn: u64) -> Option<Value> {
    match turn % 7 {
        0 => Some(json!(-7_200)),
        1 => Some(json!(1e30)),
        2 => Some(json!("7200")),
        3 => None,
        4 => Some(Value::Null),
        5 => Some(json!(0)),
        _ => Some(json!({"seconds": [7_200]})),
    }
}

fn oauth_error((status, error, description): Refused) -> Reply {
    Reply::json(status, &json!({"error": error, "error_description": description}))
}

fn too_many_requests() -> Value {
    json!({"errors": [{
        "errorId": 2001,
        "domain": "ACCESS",
        "category": "REQUEST",
        "message": "Too many requests.",
        "longMessage": "The request limit has been reached for the resource.",
    }]})
}

fn page(title: &str, text: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>\n"
    )
}

/// A page as a careless gateway makes it: it repeats what it was sent.
fn echo(request: &HttpRequest) -> String {
    let mut text = String::new();
    for (name, value) in &request.headers {
        text.extend([name, ": ", value, "\n"]);
    }
    let body = String::from_utf8_lossy(&request.body);
    format!("<html><body><h1>Bad Request</h1><pre>{text}\n{body}</pre></body></html>\n")
}

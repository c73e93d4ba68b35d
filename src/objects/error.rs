//! What can be wrong with an object store, and what mends it.

use std::error::Error as _;

use thiserror::Error;

use crate::snapshot::SnapshotError;

/// A server's words beyond this are left out.
const MOST_TOLD_CHARS: usize = 300;

/// Why an index in an object store was not read or written.
#[derive(Debug, Error)]
pub enum ObjectsError {
    /// The address cannot be one.
    #[error("{address:?} is no address of an index: {reason}; write it as s3://bucket/prefix")]
    Address {
        /// What was named, without what could be a secret.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The environment lacks something or says something impossible.
    #[error(
        "{address} cannot be spoken to: {reason}; check the environment variables of its provider (docs/scale.md)"
    )]
    Settings {
        /// The index.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// Nothing has been published there.
    #[error(
        "there is no published generation in {address}: `wattwise ingest --index {address} FOLDER` makes one of your documents"
    )]
    Nothing {
        /// The index.
        address: String,
    },
    /// The object that says what is published is none of ours.
    #[error(
        "{address}/CURRENT {reason}; check the prefix, and publish anew with `wattwise ingest` where it is the right one"
    )]
    Unreadable {
        /// The index.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store said no, or nothing.
    #[error("cannot {action} {address}: {reason}{}", .fault.mend())]
    Store {
        /// A verb.
        action: &'static str,
        /// The index.
        address: String,
        /// What the store said.
        reason: String,
        /// What kind of no it was.
        fault: Fault,
    },
    /// Somebody else published since this run began.
    #[error(
        "{address} was changed by somebody else meanwhile (it now names {now}): nothing of theirs was replaced; run the same command again, which goes on from there"
    )]
    Moved {
        /// The index.
        address: String,
        /// The generation that is live there.
        now: String,
    },
    /// It can only be read.
    #[error("{address} can only be read; name the store itself (s3, gs, az) to write to it")]
    ReadOnly {
        /// The index.
        address: String,
    },
    /// The local copy would not fit.
    #[error(
        "generation {generation} needs {needed} MiB and {folder} has {free} MiB left; make room there, or name another place with --index-cache"
    )]
    NoRoom {
        /// The generation.
        generation: String,
        /// MiB.
        needed: u64,
        /// MiB.
        free: u64,
        /// Where the copy is kept.
        folder: String,
    },
    /// Another process fetches into the same copy.
    #[error(
        "another process is fetching into the copy of {address} ({holder}); wait for it, or name another place with --index-cache"
    )]
    Busy {
        /// The index.
        address: String,
        /// Who holds the lock.
        holder: String,
    },
    /// What is in the store, or the copy, is not fit.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// Kinds of refusals that have another mend each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It did not answer in time, or not at all.
    Away,
    /// There is no such bucket.
    NoBucket,
    /// The credentials are unknown, wrong, or missing.
    Credentials,
    /// They are right and may not do this.
    NoRight,
    /// The bucket is in another region.
    Region,
    /// This machine's clock is off.
    Clock,
    /// The store does not know conditional writes.
    NoConditions,
    /// The object is not there.
    NoObject,
    /// The object is there already, or another than was expected.
    Condition,
    /// Anything else.
    Other,
}

impl Fault {
    fn mend(self) -> &'static str {
        match self {
            Self::Away => {
                "; what was fetched before still answers; check address, network and proxy"
            }
            Self::NoBucket => "; make the bucket, or correct its name",
            Self::Credentials => {
                "; set the credentials in the provider's environment variables (docs/scale.md)"
            }
            Self::NoRight => "; give these credentials the rights that docs/scale.md lists",
            Self::Region => "; name the bucket's region (AWS_REGION)",
            Self::Clock => "; set this machine's clock",
            Self::NoConditions => {
                "; without conditional writes two publishers could replace each other's work: use a store that knows If-Match and If-None-Match"
            }
            Self::NoObject | Self::Condition | Self::Other => "; see docs/scale.md",
        }
    }
}

impl ObjectsError {
    /// Whether the store, and not what lies in it, is the reason.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Store { .. } | Self::Busy { .. })
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        if let Self::Store { fault, .. } = self {
            return Some(*fault);
        }
        None
    }
}

/// What kind of refusal an error of the client is, and what the store said.
pub(super) fn explain(error: &object_store::Error) -> (Fault, String) {
    let told = chain(error);
    // Error codes of the S3 and GCS XML APIs and of Azure Blob Storage, as their references list them.
    let code = element(&told, "Code").unwrap_or_default();
    let fault = match code {
        "NoSuchBucket" | "ContainerNotFound" => Fault::NoBucket,
        "RequestTimeTooSkewed" => Fault::Clock,
        "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => Fault::Region,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "InvalidSecurity"
        | "AuthenticationFailed" => Fault::Credentials,
        "NotImplemented" => Fault::NoConditions,
        _ => by_kind(error, &told),
    };
    let said = match (code, element(&told, "Message")) {
        ("", _) => told.lines().next().unwrap_or_default().to_owned(),
        (code, Some(message)) => format!("{code}: {message}"),
        (code, None) => code.to_owned(),
    };
    (fault, said.chars().take(MOST_TOLD_CHARS).collect())
}

fn by_kind(error: &object_store::Error, told: &str) -> Fault {
    use object_store::Error as Kind;
    if matches!(error, Kind::NotFound { .. }) {
        Fault::NoObject
    } else if matches!(
        error,
        Kind::AlreadyExists { .. } | Kind::Precondition { .. } | Kind::NotModified { .. }
    ) {
        Fault::Condition
    } else if matches!(
        error,
        Kind::NotImplemented { .. } | Kind::NotSupported { .. }
    ) {
        Fault::NoConditions
    } else if matches!(error, Kind::PermissionDenied { .. }) {
        Fault::NoRight
    } else if matches!(error, Kind::Unauthenticated { .. })
        // Off the provider's machines there is nobody to ask for credentials.
        || told.contains("169.254.169.254")
        || told.contains("169.254.170.")
    {
        Fault::Credentials
    } else if told.contains("incorrectly configured region") {
        Fault::Region
    } else if is_transport(error) {
        Fault::Away
    } else {
        Fault::Other
    }
}

/// Whether the request came to no reply, or to one of the 5xx kind.
fn is_transport(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(error) = cause {
        if error.is::<object_store::client::HttpError>() {
            return true;
        }
        if error.to_string().contains("status code: 5") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error with its causes, each once.
fn chain(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>"))
        .map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(body: &str) -> object_store::Error {
        object_store::Error::PermissionDenied {
            path: "CURRENT".to_owned(),
            source: body.to_owned().into(),
        }
    }

    #[test]
    fn each_refusal_of_a_store_has_its_own_mend() {
        for (code, fault) in [
            ("NoSuchBucket", Fault::NoBucket),
            ("AccessDenied", Fault::NoRight),
            ("InvalidAccessKeyId", Fault::Credentials),
            ("RequestTimeTooSkewed", Fault::Clock),
            ("PermanentRedirect", Fault::Region),
        ] {
            let body = format!(
                "<Error><Code>{code}</Code><Message>as it is</Message><StringToSign>hunter2</StringToSign></Error>"
            );
            let (found, said) = explain(&denied(&body));
            assert_eq!(found, fault, "{code}");
            assert_eq!(said, format!("{code}: as it is"));
        }
        let (fault, said) = explain(&denied("<Code>"));
        assert_eq!(fault, Fault::NoRight);
        assert!(!said.is_empty());
    }
}

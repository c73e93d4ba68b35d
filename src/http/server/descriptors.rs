//! How many connections the file descriptors of this process leave room for.

/// Kept free for what opens files while the server runs: a new generation, the store, the log, a
/// certificate.
const FOR_FILES: usize = 64;

/// If the system does not say how many are open.
const OPEN_AT_LEAST: usize = 32;

/// The connections that there is room for, at most `wanted`. As many more may be opened by
/// `requests` under way, to a model or an embedding server. The soft limit is raised as far as the
/// hard one allows.
pub(super) fn most_connections(wanted: usize, requests: usize) -> usize {
    let open = fs_err::read_dir("/proc/self/fd").map_or(OPEN_AT_LEAST, Iterator::count);
    let others = FOR_FILES + requests;
    let needed = u64::try_from(wanted + others + open).unwrap_or(u64::MAX);
    let Ok((soft, _)) = rlimit::Resource::NOFILE.get() else {
        return wanted;
    };
    let limit = if soft < needed {
        rlimit::increase_nofile_limit(needed).unwrap_or(soft)
    } else {
        soft
    };
    let limit_or_all = usize::try_from(limit).unwrap_or(usize::MAX);
    let most = room(limit_or_all.saturating_sub(open), others).min(wanted);
    if most < wanted {
        tracing::warn!(
            descriptors.limit = limit,
            connections.wanted = wanted,
            connections.most = most,
            "the limit of {limit} open files leaves room for {most} connections, not {wanted}; \
             raise it (ulimit -n, LimitNOFILE=) or lower --max-connections"
        );
    }
    most
}

/// Of so many free descriptors, what is left for connections: half of them where they are few.
fn room(free: usize, others: usize) -> usize {
    free.saturating_sub(others.min(free / 2)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_files_keeps_its_part() {
        assert_eq!(room(10_000, 320), 9_680);
        assert_eq!(room(100, 320), 50);
        assert_eq!(room(0, 320), 1);
        assert_eq!(most_connections(1, 0), 1);
    }
}

//! What a worker gives up before it reads foreign bytes: memory beyond its limit, files, network,
//! other programs.
//!
//! Two walls, because each has gaps. Landlock refuses by what is reached (files, TCP, other
//! processes) and knows of every way there, but kernels may lack it. The system-call filter
//! (seccomp) is nearly everywhere and refuses by name: whatever opens, connects or starts. Neither
//! can be taken back by the process. Both allow what is open already: the two pipes.

use std::io;

use serde::{Deserialize, Serialize};

/// Which walls stand. Where both are missing the process still has its limits and its empty
/// environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Confinement {
    /// Landlock refuses files and TCP, as far as this kernel's version of it goes.
    pub(super) landlock: bool,
    /// The filter refuses the system calls that open, connect or start something.
    pub(super) filter: bool,
}

impl Confinement {
    /// What is missing, for the log; nothing if both walls stand.
    pub(super) fn lacks(self) -> Option<&'static str> {
        match (self.landlock, self.filter) {
            (true, true) => None,
            (false, true) => Some(
                "this kernel has no Landlock: a filter of system calls alone keeps extraction \
                 workers from files and network",
            ),
            (true, false) => Some(
                "this kernel takes no filter of system calls: Landlock alone keeps extraction \
                 workers from files and TCP",
            ),
            (false, false) => Some(
                "this system has neither Landlock nor filters of system calls: extraction workers \
                 have their limits, but nothing keeps them from files and network",
            ),
        }
    }
}

/// Confines this process for good. Call it before other threads are started that read foreign bytes:
/// what runs already keeps its rights.
///
/// Fails only where the limit of memory cannot be set.
pub(super) fn confine(memory: u64) -> io::Result<Confinement> {
    // Whoever started this program may have allowed it less, and nobody may raise that.
    let (_, allowed) = rlimit::getrlimit(rlimit::Resource::AS)?;
    let memory = memory.min(allowed);
    rlimit::setrlimit(rlimit::Resource::AS, memory, memory)?;
    // A worker that dies on a hostile file must not fill the disk with its memory.
    rlimit::setrlimit(rlimit::Resource::CORE, 0, 0)?;
    Ok(walls())
}

#[cfg(not(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
)))]
fn walls() -> Confinement {
    Confinement {
        landlock: false,
        filter: false,
    }
}

#[cfg(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
))]
fn walls() -> Confinement {
    Confinement {
        // The filter comes last: it refuses further changes of this kind.
        landlock: linux::landlock(),
        filter: linux::filter().is_some(),
    }
}

#[cfg(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
))]
mod linux {
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope,
    };
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    /// Refuses everything that Landlock can refuse, as far as the kernel knows it.
    pub(super) fn landlock() -> bool {
        let abi = ABI::V6;
        let restricted = Ruleset::default()
            .handle_access(AccessFs::from_all(abi))
            .and_then(|rules| rules.handle_access(AccessNet::from_all(abi)))
            .and_then(|rules| rules.scope(Scope::from_all(abi)))
            .and_then(Ruleset::create)
            .and_then(landlock::RulesetCreated::restrict_self);
        restricted.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
    }

    /// Refuses [`REFUSED`] with "not permitted".
    pub(super) fn filter() -> Option<()> {
        let calls = REFUSED.iter().chain(OLDER).copied().chain(short_pointers());
        let filter = SeccompFilter::new(
            calls.map(|call| (call, Vec::new())).collect(),
            SeccompAction::Allow,
            SeccompAction::Errno(libc::EPERM.unsigned_abs()),
            std::env::consts::ARCH.try_into().ok()?,
        );
        let program: BpfProgram = filter.ok()?.try_into().ok()?;
        apply_filter(&program).ok()
    }

    /// On `x86_64` each call has a second number, with this bit, for programs with short pointers;
    /// those from 512 on have no first one.
    fn short_pointers() -> impl Iterator<Item = i64> {
        const BIT: i64 = 0x4000_0000;
        let calls = REFUSED.iter().chain(OLDER).copied().chain(512..548);
        calls
            .filter(|_| cfg!(target_arch = "x86_64"))
            .map(|call| call | BIT)
    }

    /// What opens or changes files, speaks to others, starts or looks into other programs, or makes
    /// such calls by another way. Everything else, such as memory, threads and clocks, stays.
    const REFUSED: &[i64] = &[
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_open_by_handle_at,
        libc::SYS_name_to_handle_at,
        libc::SYS_truncate,
        libc::SYS_unlinkat,
        libc::SYS_renameat2,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_mkdirat,
        libc::SYS_mknodat,
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_utimensat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_fsetxattr,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
        libc::SYS_fremovexattr,
        libc::SYS_memfd_create,
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_connect,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        libc::SYS_recvmsg,
        libc::SYS_mq_open,
        libc::SYS_msgget,
        libc::SYS_shmget,
        libc::SYS_semget,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_kill,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_fsmount,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_chdir,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_swapon,
        libc::SYS_acct,
        libc::SYS_reboot,
        libc::SYS_quotactl,
    ];

    /// The older names of the same, which newer machines do not have.
    #[cfg(target_arch = "x86_64")]
    const OLDER: &[i64] = &[
        libc::SYS_open,
        libc::SYS_creat,
        libc::SYS_unlink,
        libc::SYS_rmdir,
        libc::SYS_rename,
        libc::SYS_renameat,
        libc::SYS_link,
        libc::SYS_symlink,
        libc::SYS_mkdir,
        libc::SYS_mknod,
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_lchown,
        libc::SYS_utime,
        libc::SYS_utimes,
        libc::SYS_futimesat,
        libc::SYS_fork,
        libc::SYS_vfork,
    ];
    #[cfg(target_arch = "aarch64")]
    const OLDER: &[i64] = &[libc::SYS_renameat];
    #[cfg(target_arch = "riscv64")]
    const OLDER: &[i64] = &[];
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::process::Command;

    use super::*;

    /// Both walls are for the thread that asks for them and those that it starts.
    #[test]
    fn behind_the_walls_there_are_neither_files_nor_network_nor_programs() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("there");
        fs_err::write(&path, "x").unwrap();
        let tried = std::thread::spawn(move || {
            let confinement = walls();
            let inner = std::thread::spawn(move || {
                [
                    ("read", fs_err::read(&path).is_err()),
                    (
                        "write",
                        fs_err::write(path.with_file_name("new"), "x").is_err(),
                    ),
                    ("remove", fs_err::remove_file(&path).is_err()),
                    ("connect", TcpStream::connect(address).is_err()),
                    ("send", UdpSocket::bind("127.0.0.1:0").is_err()),
                    ("start", Command::new("/bin/true").status().is_err()),
                ]
            });
            (confinement, inner.join().unwrap())
        });
        let (confinement, refused) = tried.join().unwrap();
        for (what, is_refused) in refused {
            let is_expected = match what {
                "send" => confinement.filter,
                _ => confinement.filter || confinement.landlock,
            };
            assert_eq!(is_refused, is_expected, "{what}: {confinement:?}");
        }
        assert!(
            fs_err::read(folder.path().join("there")).is_ok(),
            "others are as before"
        );
    }

    #[test]
    fn what_is_missing_is_told() {
        let confinement = |landlock, filter| Confinement { landlock, filter };
        assert_eq!(confinement(true, true).lacks(), None);
        let neither = confinement(false, false).lacks().unwrap();
        assert!(neither.contains("nothing keeps them from files"));
    }
}

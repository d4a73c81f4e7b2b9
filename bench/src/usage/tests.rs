//! The kernel's texts, made up and real.

use super::*;

#[test]
fn cpu_time_is_user_plus_system() {
    let check = |stat: &str, expected: Option<u64>| assert_eq!(cpu_ticks(stat), expected, "{stat}");
    let tail = "S 1 2 3 4 5 6 7 8 9 10 1200 34 0 0 20 0 4 0 99";
    check(&format!("77 (mixs) {tail}"), Some(1234));
    check(&format!("77 (a ) b (c)) {tail}"), Some(1234));
    check("77 (mixs) S 1 2 3 4 5 6 7 8 9 10 1200", None);
    check("77 (mixs) S 1 2 3 4 5 6 7 8 9 10 x 34", None);
    check("", None);
}

#[test]
fn resident_memory_is_in_kib() {
    let check = |status: &str, expected: Option<u64>| assert_eq!(resident_kib(status), expected, "{status}");
    check("Name:\tmixs\nVmHWM:\t    9000 kB\nVmRSS:\t    8192 kB\nThreads:\t3\n", Some(8192));
    check("Name:\tkthreadd\nThreads:\t1\n", None);
}

#[test]
fn a_running_process_has_both() {
    let own = std::process::id();
    let before = cpu(own).unwrap();
    // More than one tick of work, whatever the machine.
    let mut x = 1_u64;
    while cpu(own).unwrap() == before {
        for _ in 0..100_000 {
            x = std::hint::black_box(x.wrapping_mul(31));
        }
    }
    let each = cpu_of_each(&[own, own]).unwrap();
    assert!(each.len() == 2 && each.iter().all(|cpu| *cpu > before));
    assert!(resident_mib(own).unwrap() > 0.5);
}

#[test]
fn a_missing_process_is_an_error_that_names_it() {
    // Larger than any pid_max.
    assert!(cpu(u32::MAX).unwrap_err().to_string().contains("/proc/4294967295/stat"));
    assert!(resident_mib(u32::MAX).unwrap_err().to_string().contains("/proc/4294967295/status"));
}

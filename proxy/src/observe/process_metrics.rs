//! What do we tell of the process itself?
//!
//! Read from /proc when somebody asks (proc(5)), under the names that every Prometheus client uses. Where there is no /proc, nothing is told.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, Registry};
use std::fs;

/// `USER_HZ`: clock ticks per second in /proc. Part of Linux's interface to programs on every architecture that we are built for.
const TICKS_PER_SECOND: f64 = 100.0;
const KIB: f64 = 1024.0;

/// Adds the collector to a registry.
pub fn register(registry: &Registry) -> Result<(), prometheus::Error> {
    registry.register(Box::new(ProcessCollector::new()?))
}

struct ProcessCollector {
    cpu: Counter,
    gauges: Vec<(Gauge, Read)>,
}

/// How a gauge is read. None: not known here.
type Read = fn(&Proc) -> Option<f64>;

impl ProcessCollector {
    fn new() -> Result<ProcessCollector, prometheus::Error> {
        let gauges: [(&str, &str, Read); 6] = [
            ("process_resident_memory_bytes", "Memory in RAM.", |proc| {
                kilobytes(&proc.status, "VmRSS:")
            }),
            ("process_virtual_memory_bytes", "Address space.", |proc| {
                kilobytes(&proc.status, "VmSize:")
            }),
            ("process_threads", "Threads.", |proc| {
                value_of(&proc.status, "Threads:")
            }),
            ("process_open_fds", "Open file descriptors.", |_| open_fds()),
            ("process_max_fds", "File descriptors allowed.", |proc| {
                value_of(&proc.limits, "Max open files")
            }),
            (
                "process_start_time_seconds",
                "When the process started, since 1970.",
                |proc| {
                    Some(
                        value_of(&proc.system, "btime ")?
                            + stat_field(&proc.stat, 22)? / TICKS_PER_SECOND,
                    )
                },
            ),
        ];
        let gauges = gauges
            .into_iter()
            .map(|(name, about, read)| Ok((Gauge::new(name, about)?, read)))
            .collect::<Result<_, prometheus::Error>>()?;
        let cpu = Counter::new("process_cpu_seconds_total", "CPU time, user and system.")?;
        Ok(ProcessCollector { cpu, gauges })
    }
}

impl Collector for ProcessCollector {
    fn desc(&self) -> Vec<&Desc> {
        let gauges = self.gauges.iter().flat_map(|(gauge, _)| gauge.desc());
        self.cpu.desc().into_iter().chain(gauges).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let proc = Proc::read();
        let mut families = Vec::new();
        if let Some(seconds) = cpu_seconds(&proc.stat) {
            // Another scrape at the same moment may have added it; a counter must not go back.
            self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
            families.extend(self.cpu.collect());
        }
        for (gauge, read) in &self.gauges {
            if let Some(value) = read(&proc) {
                gauge.set(value);
                families.extend(gauge.collect());
            }
        }
        families
    }
}

/// The files as they were at one scrape. Empty: not there.
#[derive(Default)]
struct Proc {
    stat: String,
    status: String,
    limits: String,
    system: String,
}

impl Proc {
    fn read() -> Proc {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Proc {
            stat: read("/proc/self/stat"),
            status: read("/proc/self/status"),
            limits: read("/proc/self/limits"),
            system: read("/proc/stat"),
        }
    }
}

/// utime and stime.
fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((stat_field(stat, 14)? + stat_field(stat, 15)?) / TICKS_PER_SECOND)
}

/// A field by its number in proc_pid_stat(5), from 3 on: the second one, the program's name, may hold spaces and brackets.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace()
        .nth(number.checked_sub(3)?)?
        .parse()
        .ok()
}

/// The first word behind the label that a line begins with.
fn value_of(text: &str, label: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
    rest.split_whitespace().next()?.parse().ok()
}

fn kilobytes(text: &str, label: &str) -> Option<f64> {
    Some(value_of(text, label)? * KIB)
}

/// Without the one that the listing itself needs.
fn open_fds() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: Option<f64>, expected: Option<f64>) {
        assert_eq!(found, expected);
    }

    const STAT: &str = "1 (a (b) c) S 0 1 1 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 7 0 500 1000";

    #[test]
    fn the_name_of_the_program_does_not_shift_the_fields() {
        check(cpu_seconds(STAT), Some(4.0));
        check(stat_field(STAT, 20), Some(7.0));
        check(stat_field(STAT, 22), Some(500.0));
        check(stat_field("", 22), None);
    }

    #[test]
    fn labels_are_read_at_the_start_of_a_line() {
        let status = "Name:\thedgerow\nVmSize:\t  300 kB\nVmRSS:\t     20 kB\nThreads:\t7\n";
        check(kilobytes(status, "VmRSS:"), Some(20_480.0));
        check(value_of(status, "Threads:"), Some(7.0));
        check(value_of(status, "RSS:"), None);
        let limits = "Limit                     Soft Limit           Hard Limit\nMax open files            1024                 4096                 files\n";
        check(value_of(limits, "Max open files"), Some(1024.0));
        check(
            value_of("Max open files   unlimited", "Max open files"),
            None,
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_described() {
        let registry = Registry::new();
        register(&registry).unwrap();
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        let value = |name: &str| value_of(&text, &format!("{name} ")).unwrap();
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_max_fds") >= value("process_open_fds"));
        assert!(value("process_threads") >= 1.0);
        // After 2020, and not in the future.
        let now = f64::from(u32::try_from(jiff::Timestamp::now().as_second()).unwrap());
        let start = value("process_start_time_seconds");
        assert!((1.577e9..now + 2.0).contains(&start), "{start}");
        assert!(value("process_cpu_seconds_total") >= 0.0);
    }
}

//! Packs lines into payloads and holds those that wait, bounded in bytes. When there is no room the oldest payload goes:
//! of measurements the newest are worth most.

use std::collections::VecDeque;

use super::lines::Lines;

/// Lines in the form in which they are sent.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) items: usize,
    lines: usize,
}

/// Limits of a [`PayloadQueue`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) payload: usize,
    pub(super) line: usize,
    pub(super) lines: usize,
    pub(super) queue: usize,
}

/// What was lost, in items and bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) too_large: Vec<(usize, usize)>,
    pub(super) evicted: Vec<(usize, usize)>,
}

#[derive(Debug)]
pub(super) struct PayloadQueue {
    limits: Limits,
    open: Packed,
    waiting: VecDeque<Packed>,
    bytes: usize,
}

impl PayloadQueue {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, open: Packed::default(), waiting: VecDeque::new(), bytes: 0 }
    }

    /// Takes lines in.
    pub(super) fn push(&mut self, lines: &Lines) -> Lost {
        let mut lost = Lost::default();
        for (line, items) in lines.iter() {
            let size = line.len() + 1;
            if size > self.limits.line {
                lost.too_large.push((items, size));
                continue;
            }
            if self.open.bytes.len() + size > self.limits.payload || self.open.lines >= self.limits.lines {
                self.seal(&mut lost);
            }
            self.open.bytes.extend_from_slice(line);
            self.open.bytes.push(b'\n');
            self.open.items += items;
            self.open.lines += 1;
        }
        lost
    }

    /// Makes a payload of the lines that have none yet.
    pub(super) fn seal(&mut self, lost: &mut Lost) {
        if self.open.lines == 0 {
            return;
        }
        let size = self.open.bytes.len();
        while self.bytes + size > self.limits.queue
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.bytes -= oldest.bytes.len();
            lost.evicted.push((oldest.items, oldest.bytes.len()));
        }
        self.bytes += size;
        let next = Packed { bytes: Vec::with_capacity(self.limits.payload), ..Packed::default() };
        self.waiting.push_back(std::mem::replace(&mut self.open, next));
    }

    /// The payload that waits longest.
    pub(super) fn pop(&mut self) -> Option<Packed> {
        let payload = self.waiting.pop_front()?;
        self.bytes -= payload.bytes.len();
        Some(payload)
    }

    /// Payloads that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

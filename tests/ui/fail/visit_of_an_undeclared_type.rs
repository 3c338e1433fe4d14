use regnet::{Candidate, Visitor};

struct Print;
struct Mine;

impl Visitor for Print {
    fn visit<N: Candidate>(&mut self) {}
}

fn main() {
    Print.visit::<Mine>();
}

//! Does anybody who is being served notice that manifests change?

mod files;
mod load;

mod programs;
mod words;

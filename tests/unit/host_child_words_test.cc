#include <doctest/doctest.h>

#include "host/child_words.h"

using namespace orctl;

namespace {

Proc::Result ended(const std::string& script) { return Proc({}).run({"/bin/sh", "-c", script}, Millis(10000)); }

}  // namespace

TEST_CASE("of a program that a signal ended, the signal is told, whatever it had said before") {
  CHECK(why_failed(ended("kill -KILL $$")) == "it ended by signal 9");
  CHECK(why_failed(ended("echo halfway >&2; kill -TERM $$")) == "halfway; it ended by signal 15");
  CHECK(end_of(ended("kill -SEGV $$")) == "ended by signal 11");
}

TEST_CASE("of a program that failed by itself its own words are told, and its exit code where it has none") {
  CHECK(why_failed(ended("echo words >&2; echo more; exit 3")) == "words");
  CHECK(why_failed(ended("echo only here; exit 3")) == "only here");
  CHECK(why_failed(ended("exit 3")) == "it ended with exit code 3");
  CHECK(why_failed(ended("echo long >&2; exit 3"), "chosen") == "chosen");
  CHECK(why_failed(ended("exit 3"), " \n") == "it ended with exit code 3");
}

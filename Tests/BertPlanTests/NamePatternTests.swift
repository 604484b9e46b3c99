import TestSupport
import Testing

@testable import BertPlan

@Suite("Names, patterns and globs")
struct NamePatternTests {
  @Test(
    arguments: [
      ("encoder.layer.{i}.bias", "encoder.layer.7.bias", 7),
      ("encoder.layer.{i}.bias", "encoder.layer.123456.bias", 123_456),
      ("encoder.layer.{i}.bias", "encoder.layer.1234567.bias", nil),
      ("encoder.layer.{i}.bias", "encoder.layer.07.bias", nil),
      ("encoder.layer.{i}.bias", "encoder.layer..bias", nil), ("encoder.layer.{i}.bias", "encoder.layer.x.bias", nil),
      ("encoder.layer.{i}.bias", "encoder.layer.7.bias2", nil), ("p2.{i}.q3", "p2.5.q3", 5),
      ("p2.{i}.q3", "p4.5.q3", nil),
      ("p2.{i}.q3", "p2.5.q4", nil), ("layer_{i}/x", "layer_0/x", 0), ("layer_{i}/x", "layer_-1/x", nil),
    ] as [(String, String, Int?)])
  func `{i} stands for a number in its shortest form`(pattern: String, name: String, index: Int?) {
    let match = NamePattern(pattern).match(NumberedName(name))
    #expect(match?.first == index)
    #expect((match != nil) == (index != nil))
  }

  @Test func `{g} and {k} stand for a group's number and for a unit's inside it`() {
    let pattern = NamePattern("group_{g}/inner_group_{k}/LayerNorm_1/beta")
    #expect(pattern.match(NumberedName("group_3/inner_group_12/LayerNorm_1/beta")) == [3, 12])
    #expect(pattern.match(NumberedName("group_3/inner_group_12/LayerNorm_2/beta")) == nil)
    #expect(pattern.match(NumberedName("group_3/inner_group_01/LayerNorm_1/beta")) == nil)
  }

  @Test func `{odd} and {even} stand for numbers of that kind`() {
    let odd = NamePattern("group_{g}_{n}/layer_{n}/norm_{odd}/beta")
    #expect(odd.match(NumberedName("group_0_5/layer_5/norm_11/beta")) == [0])
    #expect(odd.match(NumberedName("group_0_5/layer_5/norm_12/beta")) == nil)
    #expect(odd.match(NumberedName("group_0/layer_5/norm_11/beta")) == nil)
    let even = NamePattern("norm_{even}/beta")
    #expect(even.match(NumberedName("norm_120/beta")) == [] && even.match(NumberedName("norm_0/beta")) == [])
    #expect(even.match(NumberedName("norm_121/beta")) == nil)
  }

  @Test func `a pattern without {i} matches itself alone`() {
    #expect(NamePattern("pooler.bias").match(NumberedName("pooler.bias")) != nil)
    #expect(NamePattern("pooler.bias").match(NumberedName("pooler.bia")) == nil)
    #expect(NamePattern("heads.1").match(NumberedName("heads.2")) == nil)
  }

  @Test(arguments: [
    ("a*c", "abc", true), ("a*c", "ac", true), ("a*c", "ab", false), ("*", "", true), ("*", "anything/at.all", true),
    ("", "", true), ("", "a", false), ("a", "a", true), ("a", "ab", false), ("*.bias", "x.bias", true),
    ("*.bias", ".bia", false),
    ("a*", "b", false), ("a*b*c", "a1b2c", true), ("a*b*c", "acb", false), ("ab*ba", "aba", false), ("**", "x", true),
    ("*/adam_*", "x/adam_m", true), ("a?c", "abc", false), ("[ab]", "a", false), ("é*", "éa", true),
  ])
  func `* stands for any text, and nothing else stands for anything`(glob: String, name: String, matches: Bool) {
    #expect(Glob(glob).matches(name) == matches)
  }

  @Test func `a glob of many stars takes no exponential time`() {
    let glob = Glob(String(repeating: "a*", count: 200) + "b")
    let time = ThreadTime.of { #expect(!glob.matches(String(repeating: "a", count: 4_000))) }
    #expect(time < .seconds(10))
  }
}

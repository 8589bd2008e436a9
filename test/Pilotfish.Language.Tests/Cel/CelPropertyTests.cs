using CsCheck;
using Pilotfish.Language.Cel;
using Pilotfish.Language.Cel.Syntax;

namespace Pilotfish.Language.Tests.Cel;

/// <summary>Random expressions against the slow evaluator, and random text against the parser.</summary>
public sealed class CelPropertyTests
{
    private const int Depth = 4;

    private static readonly Gen<string> s_intLeaf = Gen.OneOf(
        Pick("response.code", "0", "1", "-1", "7", "404", "9223372036854775807", "-9223372036854775808", "4294967296"),
        Gen.Long[-100, 100].Select(n => n.ToString()));

    private static readonly Gen<string> s_textLeaf =
        Pick("request.path", "request.id", "''", "'a'", "'/päth'", "'1'", "'😀b'", "\"it's\"");

    private static readonly Gen<string> s_boolLeaf = Pick("true", "false", "connection.mtls", "(request.id == 'x')");

    [Fact]
    public void Evaluate_AnyExpression_AgreesWithTheReference() =>
        Bool(Depth).Sample(
            expression =>
            {
                string expected = ReferenceEvaluator.Evaluate(CelParser.Parse(expression));
                string actual = SampleBinding.Evaluate(expression);
                Assert.Equal(expected, actual.StartsWith("error", StringComparison.Ordinal) ? "error" : actual);
            },
            iter: 20_000);

    [Fact]
    public void Compile_AnyText_GivesAnExpressionOrASyntaxError() =>
        Gen.OneOf(Gen.String, Pick(
                "request", ".", "path", "(", ")", "[", "]", "{", "}", "'", "\"", "\\", "1", "u", "e", "0x", "==", "&&", "?", ":", ",", "-", "!", " ", "in", "r'", "b\"", "has(")
            .Array[0, 20].Select(parts => string.Concat(parts))).Sample(
            text =>
            {
                try
                {
                    CelExpression.Compile(text, SampleBinding.Instance);
                }
                catch (CelSyntaxException e)
                {
                    Assert.InRange(e.Column, 1, text.Length + 1);
                }
            },
            iter: 20_000);

    private static Gen<string> Pick(params string[] choices) => Gen.Int[0, choices.Length - 1].Select(i => choices[i]);

    private static Gen<string> Int(int depth) => depth == 0 ? s_intLeaf : Gen.OneOf(
        s_intLeaf,
        Gen.Select(Int(depth - 1), Pick("+", "-", "*", "/", "%"), Int(depth - 1), (a, op, b) => $"({a} {op} {b})"),
        Gen.Select(Text(depth - 1), text => $"size({text})"),
        Gen.Select(Bool(depth - 1), Int(depth - 1), Int(depth - 1), (c, a, b) => $"({c} ? {a} : {b})"),
        Gen.Select(Uint(depth - 1), n => $"int({n})"));

    private static Gen<string> Uint(int depth) => depth == 0
        ? Pick("connection.id", "0u", "3u", "18446744073709551615u")
        : Gen.OneOf(
            Gen.Select(Uint(depth - 1), Pick("+", "-", "*", "/", "%"), Uint(depth - 1), (a, op, b) => $"({a} {op} {b})"),
            Gen.Select(Int(depth - 1), n => $"uint({n})"));

    private static Gen<string> Text(int depth) => depth == 0 ? s_textLeaf : Gen.OneOf(
        s_textLeaf,
        Gen.Select(Text(depth - 1), Text(depth - 1), (a, b) => $"({a} + {b})"),
        Gen.Select(Int(depth - 1), n => $"string({n})"));

    private static Gen<string> Bool(int depth) => depth == 0 ? s_boolLeaf : Gen.OneOf(
        s_boolLeaf,
        Gen.Select(Bool(depth - 1), Pick("&&", "||", "=="), Bool(depth - 1), (a, op, b) => $"({a} {op} {b})"),
        Gen.Select(Bool(depth - 1), a => $"!({a})"),
        Gen.Select(Int(depth - 1), Pick("<", "<=", "==", "!="), Gen.OneOf(Int(depth - 1), Uint(depth - 1), Pick("1.5", "404.0", "1e30", "-1e30")),
            (a, op, b) => $"({a} {op} {b})"),
        Gen.Select(Text(depth - 1), Pick("<", "==", "!="), Text(depth - 1), (a, op, b) => $"({a} {op} {b})"),
        Gen.Select(Text(depth - 1), Pick("startsWith", "endsWith", "contains"), Text(depth - 1), (a, f, b) => $"{a}.{f}({b})"),
        Gen.Select(Int(depth - 1), Int(depth - 1), Uint(depth - 1), (a, b, c) => $"({a} in [{b}, {c}, 404])"));
}

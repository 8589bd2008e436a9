using Pilotfish.Language.Cel;

namespace Pilotfish.Language.Tests.Cel;

/// <summary>The grammar and the functions, form by form, against values worked out from the language definition.</summary>
public sealed class CelExpressionTests
{
    [Theory]
    [InlineData("1", "1")]
    [InlineData("-9223372036854775808", "-9223372036854775808")]
    [InlineData("0x1F", "31")]
    [InlineData("-0x10", "-16")]
    [InlineData("18446744073709551615u", "18446744073709551615u")]
    [InlineData("0xFFu", "255u")]
    [InlineData("1.5e3", "1500d")]
    [InlineData(".5", "0.5d")]
    [InlineData("2e-1", "0.2d")]
    [InlineData("true", "true")]
    [InlineData("null", "null")]
    [InlineData("'a\"b'", "'a\"b'")]
    [InlineData("\"it's\"", "'it's'")]
    [InlineData("'''a'b'''", "'a'b'")]
    [InlineData("r'a\\n'", "'a\\n'")]
    [InlineData("'\\x41\\u00e9\\U0001F600\\101\\t'", "'Aé😀A\t'")]
    [InlineData("b'\\xFFa'", "bFF61")]
    [InlineData("bR\"\\x\"", "b5C78")]
    [InlineData("1 // comment", "1")]
    [InlineData("[1, 2,]", "List(2)")]
    [InlineData("{'a': 1, 'b': 2}", "Map(2)")]
    [InlineData("{1: 2}[1]", "2")]
    [InlineData("{'a': {'b': 3}}.a.b", "3")]
    [InlineData("[1, 2, 3][1]", "2")]
    [InlineData("[1, 2][2]", "error: index out of bounds")]
    [InlineData("{'a': 1}['b']", "error: no such key")]
    [InlineData("{'a': 1, 'a': 2}", "error: a map holds a key twice")]
    public void Evaluate_Literals(string expression, string value) => Assert.Equal(value, SampleBinding.Evaluate(expression));

    [Theory]
    [InlineData("1 + 2 * 3 - 4 / 2 % 3", "5")]
    [InlineData("(1 + 2) * 3", "9")]
    [InlineData("-(2)", "-2")]
    [InlineData("7 / -2", "-3")]
    [InlineData("-7 % 3", "-1")]
    [InlineData("1u + 2u", "3u")]
    [InlineData("1.0 / 4.0", "0.25d")]
    [InlineData("'a' + 'b' + 'c' == 'abc'", "true")]
    [InlineData("b'a' + b'b'", "b6162")]
    [InlineData("9223372036854775807 + 1", "error: integer overflow")]
    [InlineData("-9223372036854775808 - 1", "error: integer overflow")]
    [InlineData("-9223372036854775808 / -1", "error: integer overflow")]
    [InlineData("4611686018427387904 * 2", "error: integer overflow")]
    [InlineData("1u - 2u", "error: integer overflow")]
    [InlineData("1 / 0", "error: division by zero")]
    [InlineData("1 % 0", "error: modulus by zero")]
    [InlineData("duration('1h') + duration('30m')", "5400s")]
    [InlineData("duration('1.5s') - duration('2s')", "-0.5s")]
    [InlineData("timestamp('2024-02-29T00:00:00Z') + duration('24h')", "2024-03-01T00:00:00Z")]
    [InlineData("timestamp('2024-01-01T00:00:01Z') - timestamp('2024-01-01T00:00:00.250Z')", "0.75s")]
    [InlineData("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "error: timestamp out of range")]
    public void Evaluate_Arithmetic(string expression, string value) => Assert.Equal(value, SampleBinding.Evaluate(expression));

    [Theory]
    [InlineData("1 == 1.0 && 1u == 1 && 2.0 == 2u", "true")]
    [InlineData("9007199254740993 == 9007199254740992.0", "false")]
    [InlineData("-1 < 1u && 18446744073709551615u > 1 && 1 < 1.5", "true")]
    [InlineData("0.0 / 0.0 == 0.0 / 0.0", "false")]
    [InlineData("0.0 / 0.0 < 1.0 || 0.0 / 0.0 >= 1.0", "false")]
    [InlineData("'a' < 'b' && 'B' < 'a' && b'a' <= b'a'", "true")]
    [InlineData("false < true", "true")]
    [InlineData("[1, [2]] == [1.0, [2]] && {'a': 1} == {'a': 1u}", "true")]
    [InlineData("{'a': 1} != {'b': 1}", "true")]
    [InlineData("null == null && null != 1", "true")]
    [InlineData("1 in [2, 1] && !('x' in ['y']) && 'a' in {'a': 1}", "true")]
    [InlineData("dyn('a') == 1", "false")]
    [InlineData("dyn('a') < 1", "error: no matching overload")]
    [InlineData("!true || !false", "true")]
    [InlineData("!!true", "true")]
    [InlineData("true ? 1 : 2", "1")]
    [InlineData("false ? 1 : true ? 2 : 3", "2")]
    [InlineData("1 / 0 == 1 || true", "true")]
    [InlineData("true || 1 / 0 == 1", "true")]
    [InlineData("1 / 0 == 1 && false", "false")]
    [InlineData("1 / 0 == 1 || false", "error: division by zero")]
    [InlineData("1 == 1 == true", "true")]
    public void Evaluate_ComparisonAndLogic(string expression, string value) =>
        Assert.Equal(value, SampleBinding.Evaluate(expression));

    [Theory]
    [InlineData("size('häß😀') == 4 && 'ab'.size() == 2 && size(b'ä') == 2 && size([1]) == 1 && size({}) == 0", "true")]
    [InlineData("'hello'.startsWith('he') && 'hello'.endsWith('lo') && 'hello'.contains('ell') && ''.contains('')", "true")]
    [InlineData("'hello'.matches('l+') && matches('hello', '^h') && !'hello'.matches('^l')", "true")]
    [InlineData("int('42') + int(2.9) + int(3u) + int(timestamp('1970-01-01T00:00:05Z'))", "52")]
    [InlineData("int(' +42\\n') + int('-2')", "40")]
    [InlineData("int('+-1')", "error: the text is no integer")]
    [InlineData("int('+')", "error: the text is no integer")]
    [InlineData("int('4 2')", "error: the text is no integer")]
    [InlineData("uint('\\t+7 ')", "7u")]
    [InlineData("uint('++7')", "error: the text is no unsigned integer")]
    [InlineData("uint('-0')", "error: the text is no unsigned integer")]
    [InlineData("double(' +1.5 ') + double('-1')", "0.5d")]
    [InlineData("double('-inf') < 0.0 && double('+Infinity') > 0.0", "true")]
    [InlineData("double('+-1')", "error: the text is no number")]
    [InlineData("int('x')", "error: the text is no integer")]
    [InlineData("int(1e30)", "error: the number is out of range")]
    [InlineData("uint(-1)", "error: the number is out of range")]
    [InlineData("uint('7') + uint(1)", "8u")]
    [InlineData("double('1.5') + double(1)", "2.5d")]
    [InlineData("string(1) + string(2u) + string(true) + string(1.5) + string(b'x') + string(duration('90s'))", "'12true1.5x90s'")]
    [InlineData("string(b'\\xff')", "error: the bytes are no UTF-8")]
    [InlineData("bytes('é')", "bC3A9")]
    [InlineData("bool('true') && !bool('0')", "true")]
    [InlineData("duration('1h2m3.5s')", "3723.5s")]
    [InlineData("duration('-250ms')", "-0.25s")]
    [InlineData("duration('5')", "error: not a duration")]
    [InlineData("timestamp('2024-05-06T07:08:09.123456789+02:00')", "2024-05-06T05:08:09.123456789Z")]
    [InlineData("timestamp('yesterday')", "error: not a timestamp")]
    [InlineData("timestamp('2024-05-06T07:08:09Z').getMonth()", "4")]
    [InlineData("timestamp('2024-05-06T23:08:09Z').getDate('+02:00')", "7")]
    [InlineData("timestamp('2024-05-06T07:08:09.5Z').getMilliseconds()", "500")]
    [InlineData("duration('3h').getMinutes()", "180")]
    public void Evaluate_Functions(string expression, string value) => Assert.Equal(value, SampleBinding.Evaluate(expression));

    [Theory]
    [InlineData("response.code", "404")]
    [InlineData(".response.code == 404", "true")]
    [InlineData("response['code']", "404")]
    [InlineData("request.path.size()", "7")]
    [InlineData("request.headers['a'] + request.headers.a", "'oneone'")]
    [InlineData("request.headers['b']", "error: no such key")]
    [InlineData("has(request.headers.a) && !has(request.headers.b) && has(response.code) && !has(request.id)", "true")]
    [InlineData("request.id", "error: no such attribute")]
    [InlineData("request.time.getFullYear() == 2023 && request.duration > duration('1s')", "true")]
    public void Evaluate_Attributes(string expression, string value) => Assert.Equal(value, SampleBinding.Evaluate(expression));

    [Theory]
    [InlineData("", 1, "ends where a value must follow")]
    [InlineData("1 +", 4, "ends where")]
    [InlineData("1 = 2", 3, "write '=='")]
    [InlineData("a & b", 3, "write '&&'")]
    [InlineData("(1", 3, "')' must follow")]
    [InlineData("1 2", 3, "the end of the expression")]
    [InlineData("'abc", 1, "no closing '")]
    [InlineData("'\\q'", 2, "escape")]
    [InlineData("'\\ud800'", 2, "no character")]
    [InlineData("99999999999999999999", 1, "too large")]
    [InlineData("9223372036854775808", 1, "64 bits")]
    [InlineData("1x", 2, "follows the number")]
    [InlineData("for", 1, "reserved")]
    [InlineData("nothing", 1, "not an attribute")]
    [InlineData("request", 1, "group of attributes")]
    [InlineData("request.nope", 9, "'request.nope'")]
    [InlineData("request[response.code]", 18, "constant")]
    [InlineData("request.path.x", 14, "no field 'x'")]
    [InlineData("has(1)", 1, "has()")]
    [InlineData("f(1)", 1, "'f' is not known")]
    [InlineData("'a'.size(1)", 5, "takes 0 arguments")]
    [InlineData("'a'.matches(request.path)", 5, "constant pattern")]
    [InlineData("'a'.matches('(')", 13, "not valid RE2")]
    [InlineData("[1].all(x, x > 0)", 5, "cost would not be bounded")]
    [InlineData("Foo{}", 4, "messages cannot be made")]
    [InlineData("response.code == 'x'", 15, "compares int with string")]
    [InlineData("request.path > 1", 14, "cannot compare string with int")]
    [InlineData("1 + 'a'", 3, "not defined for int and string")]
    [InlineData("1.0 % 2.0", 5, "not defined")]
    [InlineData("1 && true", 1, "needs bool, not int")]
    [InlineData("!1", 1, "needs bool")]
    [InlineData("-'a'", 1, "not string")]
    [InlineData("1 ? 2 : 3", 3, "needs bool")]
    [InlineData("1 in 2", 3, "list or a map")]
    [InlineData("'a' in [1]", 9, "never equal")]
    [InlineData("{1.5: 1}", 2, "keys")]
    [InlineData("size(1)", 1, "not defined for int")]
    public void Compile_Bad_NamesTheColumn(string expression, int column, string problem)
    {
        CelSyntaxException error = Assert.Throws<CelSyntaxException>(
            () => CelExpression.Compile(expression, SampleBinding.Instance));

        Assert.Contains(problem, error.Message);
        Assert.Equal(column, error.Column);
    }

    [Fact]
    public void Compile_SecondLine_NamesTheLine()
    {
        CelSyntaxException error = Assert.Throws<CelSyntaxException>(() => CelExpression.CheckCondition("true &&\n  1"));

        Assert.Equal((2, 3), (error.Line, error.Column));
    }

    [Theory]
    [InlineData("(")]
    [InlineData("!")]
    [InlineData("-")]
    [InlineData("[")]
    [InlineData("{1:")]
    [InlineData("true ? 1 : ")]
    [InlineData("1 + ")]
    public void Compile_EndlessNesting_IsRefused(string piece) =>
        Assert.Throws<CelSyntaxException>(() => CelExpression.Compile(
            string.Concat(Enumerable.Repeat(piece, 1000)) + "1", SampleBinding.Instance));

    [Fact]
    public void Compile_LongConditions_DoNotNest() =>
        CelExpression.CheckCondition(string.Join(" || ", Enumerable.Repeat("response.code == 1", 500)));

    [Theory]
    [InlineData("[[[[[[[[[[1,1,1],1,1],1,1],1,1],1,1],1,1],1,1],1,1],1,1],1,1]")]
    [InlineData("request.path")]
    public void Evaluate_HostileCost_EndsAtTheBound(string seed)
    {
        string expression = seed;
        for (int i = 0; i < 11 && expression.Length < CelLimits.LengthMax / 5; i++)
        {
            expression = seed.StartsWith('[') ? $"[{expression}, {expression}]" : $"({expression} + {expression})";
        }

        CelActivation activation = new();
        activation.Begin(SampleBinding.Instance);
        CelExpression.Compile($"size({expression}) == 0", SampleBinding.Instance).Evaluate(activation);

        Assert.InRange(activation.StepsTaken, 1, CelLimits.StepsMax + (CelLimits.ScratchBytesMax / CelLimits.BytesPerStep));
    }
}

using System.Globalization;
using System.Text;
using Pilotfish.Language.Cel.Evaluation;
using Pilotfish.Language.Cel.Syntax;
using Pilotfish.Language.Re2;

namespace Pilotfish.Language.Cel.Compilation;

/// <summary>Functions by name. A target before the dot counts as the first argument; which of both forms exist is checked.</summary>
internal static class CelFunctionTable
{
    private static readonly Dictionary<string, (UnaryNode.Function Function, CelType Result, CelKind[] Takes)> s_conversions = new()
    {
        ["int"] = (CelConversions.ToInt, CelType.Int, [CelKind.Int, CelKind.Uint, CelKind.Double, CelKind.String, CelKind.Timestamp]),
        ["uint"] = (CelConversions.ToUint, CelType.Uint, [CelKind.Int, CelKind.Uint, CelKind.Double, CelKind.String]),
        ["double"] = (CelConversions.ToDouble, CelType.Double, [CelKind.Int, CelKind.Uint, CelKind.Double, CelKind.String]),
        ["bool"] = (CelConversions.ToBool, CelType.Bool, [CelKind.Bool, CelKind.String]),
        ["string"] = (CelConversions.ToText, CelType.String,
            [CelKind.Bool, CelKind.Int, CelKind.Uint, CelKind.Double, CelKind.String, CelKind.Bytes, CelKind.Timestamp, CelKind.Duration]),
        ["bytes"] = (CelConversions.ToBytes, CelType.Bytes, [CelKind.String, CelKind.Bytes]),
        ["timestamp"] = (CelConversions.ToTimestamp, CelType.Timestamp, [CelKind.String, CelKind.Int, CelKind.Timestamp]),
        ["duration"] = (CelConversions.ToDuration, CelType.Duration, [CelKind.String, CelKind.Duration]),
    };

    private static readonly Dictionary<string, BinaryNode.Function> s_texts = new()
    {
        ["startsWith"] = CelFunctions.StartsWith,
        ["endsWith"] = CelFunctions.EndsWith,
        ["contains"] = CelFunctions.Contains,
    };

    public static CelTyped Compile(CelCompiler compiler, CelSyntax.Call call, List<CelTyped> arguments)
    {
        bool isMethod = call.Target is not null;
        if (call.Function == "size")
        {
            Require(compiler, call, arguments, 1);
            RequireKind(compiler, call, arguments[0], CelKind.String, CelKind.Bytes, CelKind.List, CelKind.Map);
            return new CelTyped(new UnaryNode(arguments[0].Node, CelConversions.Size), CelType.Int);
        }

        if (call.Function == "matches")
        {
            return CompileMatches(compiler, call, arguments);
        }

        if (isMethod && s_texts.TryGetValue(call.Function, out BinaryNode.Function? text))
        {
            Require(compiler, call, arguments, 2);
            RequireKind(compiler, call, arguments[0], CelKind.String);
            RequireKind(compiler, call, arguments[1], CelKind.String);
            return new CelTyped(new BinaryNode(arguments[0].Node, arguments[1].Node, text), CelType.Bool);
        }

        if (!isMethod && s_conversions.TryGetValue(call.Function, out var conversion))
        {
            Require(compiler, call, arguments, 1);
            RequireKind(compiler, call, arguments[0], conversion.Takes);
            return new CelTyped(new UnaryNode(arguments[0].Node, conversion.Function), conversion.Result);
        }

        if (!isMethod && call.Function == "dyn")
        {
            Require(compiler, call, arguments, 1);
            return arguments[0] with { Type = CelType.Dyn };
        }

        if (isMethod && TimePart(call.Function) is { } part)
        {
            return CompileTimePart(compiler, call, arguments, part);
        }

        string form = isMethod ? $".{call.Function}" : call.Function;
        throw compiler.Refuse(call.Position, $"the function '{form}' is not known");
    }

    private static CelTyped CompileMatches(CelCompiler compiler, CelSyntax.Call call, List<CelTyped> arguments)
    {
        Require(compiler, call, arguments, 2);
        RequireKind(compiler, call, arguments[0], CelKind.String);
        if (arguments[1].Node is not ConstantNode { Kind: CelKind.String } pattern)
        {
            throw compiler.Refuse(call.Position, "'matches' needs a constant pattern, which is compiled once");
        }

        try
        {
            return new CelTyped(
                new MatchesNode(arguments[0].Node, Re2Regex.Compile(Encoding.UTF8.GetString(pattern.Text))), CelType.Bool);
        }
        catch (Re2SyntaxException e)
        {
            throw compiler.Refuse(call.Arguments[^1].Position, e.Message);
        }
    }

    private static CelTyped CompileTimePart(
        CelCompiler compiler, CelSyntax.Call call, List<CelTyped> arguments, (Func<DateTime, long> Clock, int DurationUnit) part)
    {
        if (arguments.Count is not (1 or 2))
        {
            Require(compiler, call, arguments, 1);
        }

        bool ofDuration = part.DurationUnit > 0 && arguments.Count == 1;
        RequireKind(compiler, call, arguments[0], ofDuration ? [CelKind.Timestamp, CelKind.Duration] : [CelKind.Timestamp]);
        TimeZoneInfo? zone = arguments.Count == 2 ? Zone(compiler, call, arguments[1]) : null;
        (Func<DateTime, long> clock, int unit) = part;
        bool milliseconds = call.Function == "getMilliseconds";
        return new CelTyped(
            new UnaryNode(arguments[0].Node, (scoped in CelValue value, CelActivation _) => value.Kind switch
            {
                CelKind.Timestamp when milliseconds => CelValue.Of(value.Nanos / 1_000_000L),
                CelKind.Timestamp => CelValue.Of(clock(CelTimes.Clock(in value, zone))),
                CelKind.Duration when ofDuration && milliseconds => CelValue.Of(value.Bits / 1_000_000 % 1000),
                CelKind.Duration when ofDuration => CelValue.Of(value.Bits / 1_000_000_000 / unit),
                _ => CelValue.Error("no matching overload"),
            }),
            CelType.Int);
    }

    // A zone costs a table of the system: it is looked up once, so its name must be constant.
    private static TimeZoneInfo? Zone(CelCompiler compiler, CelSyntax.Call call, CelTyped argument)
    {
        int position = call.Arguments[^1].Position;
        if (argument.Node is not ConstantNode { Kind: CelKind.String } constant)
        {
            throw compiler.Refuse(position, "a time zone must be a constant string");
        }

        string name = Encoding.UTF8.GetString(constant.Text);
        string offset = name.TrimStart('+', '-');
        if (TimeSpan.TryParseExact(offset, @"hh\:mm", CultureInfo.InvariantCulture, out TimeSpan ahead) && ahead <= TimeSpan.FromHours(14))
        {
            return TimeZoneInfo.CreateCustomTimeZone(name, name.StartsWith('-') ? -ahead : ahead, name, name);
        }

        return TimeZoneInfo.TryFindSystemTimeZoneById(name, out TimeZoneInfo? zone)
            ? zone
            : throw compiler.Refuse(position, $"the time zone '{name}' is not known");
    }

    // The unit in seconds where a duration has the part too.
    private static (Func<DateTime, long> Clock, int DurationUnit)? TimePart(string function) => function switch
    {
        "getFullYear" => (static t => t.Year, 0),
        "getMonth" => (static t => t.Month - 1, 0),
        "getDayOfMonth" => (static t => t.Day - 1, 0),
        "getDate" => (static t => t.Day, 0),
        "getDayOfWeek" => (static t => (int)t.DayOfWeek, 0),
        "getDayOfYear" => (static t => t.DayOfYear - 1, 0),
        "getHours" => (static t => t.Hour, 3600),
        "getMinutes" => (static t => t.Minute, 60),
        "getSeconds" => (static t => t.Second, 1),
        "getMilliseconds" => (static t => t.Millisecond, 1),
        _ => null,
    };

    private static void Require(CelCompiler compiler, CelSyntax.Call call, List<CelTyped> arguments, int count)
    {
        if (arguments.Count != count)
        {
            int target = call.Target is null ? 0 : 1;
            throw compiler.Refuse(
                call.Position, $"'{call.Function}' takes {count - target} arguments here, not {arguments.Count - target}");
        }
    }

    private static void RequireKind(CelCompiler compiler, CelSyntax.Call call, CelTyped argument, params ReadOnlySpan<CelKind> kinds)
    {
        if (argument.Type.IsDyn || kinds.Contains(argument.Type.Kind))
        {
            return;
        }

        throw compiler.Refuse(call.Position, $"'{call.Function}' is not defined for {argument.Type}");
    }
}

using System.Numerics;
using System.Text;
using Pilotfish.Language.Cel;
using Pilotfish.Language.Cel.Syntax;

namespace Pilotfish.Language.Tests.Cel;

/// <summary>
/// A slow second evaluator, straight from the language definition, over boxed values: BigInteger for both integers (with the kind
/// beside it), double, bool, string, list. An error is an exception.
/// </summary>
internal static class ReferenceEvaluator
{
    public static string Evaluate(CelSyntax syntax)
    {
        try
        {
            return Print(Value(syntax));
        }
        catch (ReferenceErrorException)
        {
            return "error";
        }
    }

    private static string Print(object value) => value switch
    {
        bool boolean => boolean ? "true" : "false",
        Whole whole => whole.Unsigned ? $"{whole.Value}u" : $"{whole.Value}",
        double number => FormattableString.Invariant($"{number:R}d"),
        string text => $"'{text}'",
        _ => throw new InvalidOperationException(value.GetType().Name),
    };

    private static object Value(CelSyntax syntax)
    {
        switch (syntax)
        {
            case CelSyntax.Literal literal:
                return literal.Kind switch
                {
                    CelKind.Int => new Whole((long)literal.Value!, false),
                    CelKind.Uint => new Whole((ulong)literal.Value!, true),
                    CelKind.String => Encoding.UTF8.GetString((byte[])literal.Value!),
                    _ => literal.Value!,
                };
            case CelSyntax.List list:
                return list.Items.Select(Value).ToList();
            case CelSyntax.Select { Operand: CelSyntax.Name name } select:
                return (name.Text, select.Field) switch
                {
                    ("response", "code") => new Whole(SampleBinding.Code, false),
                    ("request", "path") => SampleBinding.Path,
                    ("connection", "mtls") => true,
                    ("connection", "id") => new Whole(7, true),
                    _ => throw new ReferenceErrorException(),
                };
            case CelSyntax.Call call:
                return Call(call);
            default:
                throw new InvalidOperationException(syntax.GetType().Name);
        }
    }

    private static object Call(CelSyntax.Call call)
    {
        switch (call.Function)
        {
            case CelOperators.Or or CelOperators.And:
                bool decisive = call.Function == CelOperators.Or;
                List<string> results = [.. call.Arguments.Select(Evaluate)];
                if (results.Contains(decisive ? "true" : "false"))
                {
                    return decisive;
                }

                return results.Contains("error") ? throw new ReferenceErrorException() : !decisive;
            case CelOperators.Conditional:
                return (bool)Value(call.Arguments[0]) ? Value(call.Arguments[1]) : Value(call.Arguments[2]);
        }

        List<object> values = [.. (call.Target is null ? call.Arguments : [call.Target, .. call.Arguments]).Select(Value)];
        return call.Function switch
        {
            CelOperators.Not => !(bool)values[0],
            CelOperators.Equal => AreEqual(values[0], values[1]),
            CelOperators.NotEqual => !AreEqual(values[0], values[1]),
            CelOperators.Less => Compare(values[0], values[1]) < 0,
            CelOperators.LessOrEqual => Compare(values[0], values[1]) <= 0,
            CelOperators.In => ((List<object>)values[1]).Exists(item => AreEqual(values[0], item)),
            CelOperators.Add when values[0] is string text => text + (string)values[1],
            CelOperators.Add => Bounded((Whole)values[0], ((Whole)values[0]).Value + ((Whole)values[1]).Value),
            CelOperators.Subtract => Bounded((Whole)values[0], ((Whole)values[0]).Value - ((Whole)values[1]).Value),
            CelOperators.Multiply => Bounded((Whole)values[0], ((Whole)values[0]).Value * ((Whole)values[1]).Value),
            CelOperators.Divide => ((Whole)values[1]).Value.IsZero
                ? throw new ReferenceErrorException()
                : Bounded((Whole)values[0], BigInteger.Divide(((Whole)values[0]).Value, ((Whole)values[1]).Value)),
            CelOperators.Modulo => ((Whole)values[1]).Value.IsZero
                || (((Whole)values[0]).Value == long.MinValue && ((Whole)values[1]).Value == -1)
                ? throw new ReferenceErrorException()
                : Bounded((Whole)values[0], BigInteger.Remainder(((Whole)values[0]).Value, ((Whole)values[1]).Value)),
            "size" => new Whole(((string)values[0]).EnumerateRunes().Count(), false),
            "startsWith" => ((string)values[0]).StartsWith((string)values[1], StringComparison.Ordinal),
            "endsWith" => ((string)values[0]).EndsWith((string)values[1], StringComparison.Ordinal),
            "contains" => ((string)values[0]).Contains((string)values[1], StringComparison.Ordinal),
            "string" => Print(values[0]).TrimEnd('u'),
            "uint" => Bounded(new Whole(0, true), ((Whole)values[0]).Value),
            "int" => Bounded(new Whole(0, false), ((Whole)values[0]).Value),
            _ => throw new InvalidOperationException(call.Function),
        };
    }

    private static Whole Bounded(Whole like, BigInteger value)
    {
        bool fits = like.Unsigned ? value >= 0 && value <= ulong.MaxValue : value >= long.MinValue && value <= long.MaxValue;
        return fits ? new Whole(value, like.Unsigned) : throw new ReferenceErrorException();
    }

    private static bool AreEqual(object left, object right) => (left, right) switch
    {
        (Whole a, Whole b) => a.Value == b.Value,
        (Whole a, double b) => Compare(a, b) == 0,
        (double a, Whole b) => Compare(a, b) == 0,
        _ => left.Equals(right),
    };

    private static int Compare(object left, object right) => (left, right) switch
    {
        (Whole a, Whole b) => a.Value.CompareTo(b.Value),
        (double a, double b) => a.CompareTo(b),
        (double a, Whole b) => -Compare(b, a),
        (Whole a, double b) => a.Value.CompareTo(new BigInteger(Math.Floor(b))) is var order && order == 0 && b > Math.Floor(b) ? -1 : order,
        (string a, string b) => Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b)),
        _ => throw new InvalidOperationException(),
    };

    internal sealed record Whole(BigInteger Value, bool Unsigned);

    private sealed class ReferenceErrorException : Exception;
}

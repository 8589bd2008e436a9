using System.Net;
using System.Text;

namespace Pilotfish.Language.GoTemplates.Functions;

/// <summary>The functions that text/template itself defines, apart from comparisons and from `slice`, which Sprig's
/// function of that name replaces.</summary>
internal static class BuiltinFunctions
{
    public static void AddTo(GoFunctionSet set)
    {
        // The evaluator short-circuits these two before any function is called; the entries make their names known.
        set.AddVariadic("and", 1, arguments => arguments[^1]);
        set.AddVariadic("or", 1, arguments => arguments[^1]);
        set.Add("not", 1, arguments => GoValue.From(!arguments[0].IsTrue));
        set.Add("len", 1, Length);
        set.AddVariadic("index", 1, Index);
        set.AddVariadic("print", 0, arguments => GoValue.From(Print(arguments)));
        set.AddVariadic("println", 0, arguments => GoValue.From(string.Join(' ', arguments.Select(GoFormat.Print)) + "\n"));
        set.AddVariadic("printf", 1, arguments =>
            GoValue.From(GoPrintf.Format(arguments.Text(0), arguments.Skip(1).ToList())));
        set.AddVariadic("html", 0, arguments => GoValue.From(EscapeHtml(Print(arguments))));
        set.AddVariadic("js", 0, arguments => GoValue.From(EscapeScript(Print(arguments))));
        set.AddVariadic("urlquery", 0, arguments => GoValue.From(WebUtility.UrlEncode(Print(arguments))));
        set.AddVariadic("call", 1, _ => throw new GoFunctionException("templates hold no function values"));
    }

    /// <summary>Go's Sprint: a space between two operands of which neither is a string.</summary>
    public static string Print(IReadOnlyList<GoValue> arguments)
    {
        var text = new StringBuilder();
        for (var i = 0; i < arguments.Count; i++)
        {
            if (i > 0 && arguments[i].Kind != GoKind.String && arguments[i - 1].Kind != GoKind.String)
            {
                text.Append(' ');
            }

            text.Append(GoFormat.Print(arguments[i]));
        }

        return text.ToString();
    }

    private static GoValue Length(IReadOnlyList<GoValue> arguments)
    {
        var value = arguments[0];
        return GoValue.From(value.Kind switch
        {
            GoKind.String => Encoding.UTF8.GetByteCount(value.AsString),
            GoKind.List => value.AsList.Count,
            GoKind.Map => (long)value.AsMap.Count,
            GoKind.Nil => throw new GoFunctionException("len of nil pointer"),
            _ => throw new GoFunctionException($"len of type {value.TypeName}"),
        });
    }

    private static GoValue Index(IReadOnlyList<GoValue> arguments)
    {
        var value = arguments[0];
        for (var i = 1; i < arguments.Count; i++)
        {
            value = IndexOne(value, arguments[i]);
        }

        return value;
    }

    private static GoValue IndexOne(GoValue value, GoValue key)
    {
        switch (value.Kind)
        {
            case GoKind.Map when key.Kind == GoKind.String:
                return value.AsMap.IndexOrZero(key.AsString);
            case GoKind.Map:
                throw new GoFunctionException($"value has type {key.TypeName}; should be string");
            case GoKind.List:
                return value.AsList[CheckIndex(key, value.AsList.Count - 1)];
            case GoKind.String:
                var bytes = Encoding.UTF8.GetBytes(value.AsString);
                return GoValue.From((long)bytes[CheckIndex(key, bytes.Length - 1)]);
            case GoKind.Nil:
                throw new GoFunctionException("index of untyped nil");
            default:
                throw new GoFunctionException($"can't index item of type {value.TypeName}");
        }
    }

    private static int CheckIndex(GoValue key, int max)
    {
        var index = key.Kind switch
        {
            GoKind.Int => key.AsInt,
            GoKind.Nil => throw new GoFunctionException("cannot index slice/array with nil"),
            _ => throw new GoFunctionException($"cannot index slice/array with type {key.TypeName}"),
        };
        return index >= 0 && index <= max
            ? (int)index
            : throw new GoFunctionException($"index out of range: {index}");
    }

    private static string EscapeHtml(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("'", "&#39;", StringComparison.Ordinal)
        .Replace("\"", "&#34;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("\0", "\uFFFD", StringComparison.Ordinal);

    private static string EscapeScript(string text)
    {
        var escaped = new StringBuilder();
        foreach (var c in text)
        {
            _ = c switch
            {
                '\\' => escaped.Append(@"\\"),
                '\'' => escaped.Append(@"\'"),
                '"' => escaped.Append("\\\""),
                '<' or '>' or '&' or '=' or < ' ' => escaped.Append($"\\u{(int)c:X4}"),
                _ => escaped.Append(c),
            };
        }

        return escaped.ToString();
    }
}

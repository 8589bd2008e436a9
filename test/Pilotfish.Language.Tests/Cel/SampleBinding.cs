using System.Text;
using Pilotfish.Language.Cel;

namespace Pilotfish.Language.Tests.Cel;

/// <summary>A few attributes with fixed values; all others are absent.</summary>
internal sealed class SampleBinding : ICelBinding
{
    public const long Code = 404;
    public const string Path = "/päth/1";

    public static readonly SampleBinding Instance = new();

    public CelAttributeReader Bind(string path) => path switch
    {
        "response.code" => static _ => CelValue.Of(Code),
        "request.path" => static a => a.TextOf(Path),
        "connection.mtls" => static _ => CelValue.Of(true),
        "connection.id" => static _ => CelValue.OfUnsigned(7),
        "request.time" => static _ => CelValue.OfTimestamp(1_700_000_000, 250_000_000),
        "request.duration" => static _ => CelValue.OfDuration(1_500_000_000),
        "request.headers" => static _ => CelValue.OfMap(OneHeader.Instance),
        _ => static _ => CelValue.Absent,
    };

    /// <summary>The value as text for comparing: kind and content, or "error: sentence".</summary>
    public static string Evaluate(string expression)
    {
        CelActivation activation = new();
        activation.Begin(Instance);
        CelValue value = CelExpression.Compile(expression, Instance).Evaluate(activation);
        return value.Kind switch
        {
            CelKind.Error => $"error: {value.Reference}",
            CelKind.Null => "null",
            CelKind.String => $"'{Encoding.UTF8.GetString(value.Text)}'",
            CelKind.Bytes => $"b{Convert.ToHexString(value.Text)}",
            CelKind.List or CelKind.Map => $"{value.Kind}({value.Container!.Count(in value, activation)})",
            CelKind.Uint => $"{value.Unsigned}u",
            CelKind.Double => FormattableString.Invariant($"{value.Number:R}d"),
            _ => Encoding.UTF8.GetString(CelExpression.TextOf(in value, activation).Text),
        };
    }

    private sealed class OneHeader : CelContainer
    {
        public static readonly OneHeader Instance = new();

        public override int Count(scoped in CelValue self, CelActivation activation) => 1;

        public override bool TryGet(scoped in CelValue self, scoped in CelValue key, CelActivation activation, out CelValue value)
        {
            value = CelValue.OfString("one"u8);
            return key.Kind == CelKind.String && key.Text.SequenceEqual("a"u8);
        }
    }
}

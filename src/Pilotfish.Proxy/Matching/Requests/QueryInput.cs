using System.Text;
using Envoy.Type.Matcher.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Matching.Requests;

/// <summary>The first value of a query parameter, not decoded (<c>envoy.type.matcher.v3.HttpRequestQueryParamMatchInput</c>).</summary>
internal sealed class QueryInput : MatchInput<StreamInfo>
{
    private readonly byte[] _name;

    private QueryInput(byte[] name) => _name = name;

    public static QueryInput Compile(ExtensionConfig config)
    {
        string name = config.Parse(HttpRequestQueryParamMatchInput.Parser).QueryParam;
        return name.Length > 0
            ? new QueryInput(Encoding.UTF8.GetBytes(name))
            : throw new ConfigRejectedException($"{config.Field}.query_param", "it names no parameter");
    }

    public override string? Text(StreamInfo facts) => TryBytes(facts, out ReadOnlySpan<byte> value) ? Encoding.UTF8.GetString(value) : null;

    public override bool TryBytes(StreamInfo facts, out ReadOnlySpan<byte> value)
    {
        value = default;
        return facts.RequestHeaders is HeaderMap headers && QueryString.TryGet(headers[WellKnownHeader.Path], _name, out value);
    }
}

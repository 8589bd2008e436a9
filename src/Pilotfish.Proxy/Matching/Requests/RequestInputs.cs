using Envoy.Extensions.Matching.CommonInputs.Network.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Listeners;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Matching.Requests;

/// <summary>
/// Inputs of matchers that look at a request's head: its headers and query, its connection (<c>common_inputs.network</c>), the client's certificate
/// (<c>common_inputs.ssl</c>), filter state and dynamic metadata. Inputs of responses and trailers are none, as nothing is known of them yet.
/// </summary>
internal static class RequestInputs
{
    public const string Header = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput";
    public const string FilterState = Network + "FilterStateInput";

    private const string Network = "envoy.extensions.matching.common_inputs.network.v3.";
    private const string Ssl = "envoy.extensions.matching.common_inputs.ssl.v3.";

    /// <summary>Null for a type that is none of them.</summary>
    public static MatchInput<StreamInfo>? Compile(ExtensionConfig config) => config.MessageName switch
    {
        Header => HeaderInput.Compile(config),
        "envoy.type.matcher.v3.HttpRequestQueryParamMatchInput" => QueryInput.Compile(config),
        FilterState => CompileFilterState(config),
        Network + "DynamicMetadataInput" => CompileMetadata(config),
        Ssl + "UriSanInput" => new CertificateInput(static peer => CertificateTexts.AlternativeNames(peer, CertificateTexts.UriTag)),
        Ssl + "DnsSanInput" => new CertificateInput(static peer => CertificateTexts.AlternativeNames(peer, CertificateTexts.DnsTag)),
        Ssl + "SubjectInput" => new CertificateInput(CertificateTexts.Subject),
        _ => ConnectionInputs.Compile(config) is { } ofConnection ? new OfConnection(ofConnection) : null,
    };

    private static StateInput CompileFilterState(ExtensionConfig config)
    {
        string key = config.Parse(FilterStateInput.Parser).Key;
        return key.Length > 0 ? new StateInput(key) : throw new ConfigRejectedException($"{config.Field}.key", "it names no object");
    }

    private static MetadataInput CompileMetadata(ExtensionConfig config)
    {
        DynamicMetadataInput input = config.Parse(DynamicMetadataInput.Parser);
        if (input.Filter.Length == 0 || input.Path.Count == 0)
        {
            throw new ConfigRejectedException(config.Field, "it needs a filter and a path");
        }

        string[] path = new string[input.Path.Count];
        for (int i = 0; i < path.Length; i++)
        {
            path[i] = input.Path[i].Key;
        }

        return new MetadataInput(input.Filter, path);
    }

    /// <summary>An input of connections, of the connection that the request came by.</summary>
    private sealed class OfConnection(MatchInput<ConnectionInfo> inner) : MatchInput<StreamInfo>
    {
        public override bool IsAddress => inner.IsAddress;

        public override string? Text(StreamInfo facts) => inner.Text(facts.Connection);

        public override bool TryAddress(StreamInfo facts, out NetAddress address) => inner.TryAddress(facts.Connection, out address);
    }

    private sealed class StateInput(string key) : MatchInput<StreamInfo>
    {
        public override string? Text(StreamInfo facts) => facts.FilterState?.Get(key)?.PlainText;
    }

    private sealed class MetadataInput(string filter, string[] path) : MatchInput<StreamInfo>
    {
        public override bool IsMetadata => true;

        public override string? Text(StreamInfo facts) => null;

        public override MetadataValue? Metadata(StreamInfo facts) => facts.Metadata?.Get(filter, path);
    }

    private sealed class CertificateInput(Func<System.Security.Cryptography.X509Certificates.X509Certificate2, string?> read) : MatchInput<StreamInfo>
    {
        public override string? Text(StreamInfo facts) => facts.Connection.Tls?.PeerCertificate is { } peer ? read(peer) : null;
    }
}

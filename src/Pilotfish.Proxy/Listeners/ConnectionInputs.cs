using System.Globalization;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Matching;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Listeners;

/// <summary>The network inputs of matchers (<c>envoy.extensions.matching.common_inputs.network.v3</c>), as Envoy words their values.</summary>
internal static class ConnectionInputs
{
    private const string Package = "envoy.extensions.matching.common_inputs.network.v3.";

    /// <summary>Null for a type that is none of them.</summary>
    public static MatchInput<ConnectionInfo>? Compile(ExtensionConfig config)
    {
        if (!config.MessageName.StartsWith(Package, StringComparison.Ordinal))
        {
            return null;
        }

        return config.MessageName[Package.Length..] switch
        {
            "DestinationIPInput" => new AddressInput(static info => info.LocalAddress),
            "SourceIPInput" => new AddressInput(static info => info.RemoteAddress),
            "DirectSourceIPInput" => new AddressInput(static info => info.DirectRemoteAddress),
            "DestinationPortInput" => new TextInput(static info => Port(info.LocalAddress)),
            "SourcePortInput" => new TextInput(static info => Port(info.RemoteAddress)),
            "SourceTypeInput" => new TextInput(static info => FilterChainIndex.IsLocal(info) ? "local" : null),
            "ServerNameInput" => new TextInput(static info => Some(info.RequestedServerName)),
            "TransportProtocolInput" => new TextInput(static info => Some(info.TransportProtocol)),
            "ApplicationProtocolInput" => new TextInput(Protocols),
            "FilterStateInput" => FilterStateInput(config),
            _ => null,
        };
    }

    private static TextInput FilterStateInput(ExtensionConfig config)
    {
        string key = config.Parse(Envoy.Extensions.Matching.CommonInputs.Network.V3.FilterStateInput.Parser).Key;
        return key.Length > 0
            ? new TextInput(info => info.FilterState?.Get(key)?.PlainText)
            : throw new ConfigRejectedException($"{config.Field}.key", "it names no object");
    }

    // 'h2','http/1.1': quoted, so that a contains matcher finds whole names.
    private static string? Protocols(ConnectionInfo info) =>
        info.ApplicationProtocols.Count == 0 ? null : $"'{string.Join("','", info.ApplicationProtocols)}'";

    private static string? Port(NetAddress address) => address.IsIp ? address.Port.ToString(CultureInfo.InvariantCulture) : null;

    private static string? Some(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private sealed class TextInput(Func<ConnectionInfo, string?> read) : MatchInput<ConnectionInfo>
    {
        public override string? Text(ConnectionInfo facts) => read(facts);
    }

    private sealed class AddressInput(Func<ConnectionInfo, NetAddress> read) : MatchInput<ConnectionInfo>
    {
        public override bool IsAddress => true;

        public override string? Text(ConnectionInfo facts) =>
            TryAddress(facts, out NetAddress address) ? address.ToIPAddress().ToString() : null;

        public override bool TryAddress(ConnectionInfo facts, out NetAddress address)
        {
            address = read(facts).Unmap();
            return address.IsIp;
        }
    }
}

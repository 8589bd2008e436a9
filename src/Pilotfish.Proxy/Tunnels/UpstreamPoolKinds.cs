using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Tunnels;

/// <summary>Reads upstream_config (an extension of the category envoy.upstreams). Main loop.</summary>
internal static class UpstreamPoolKinds
{
    private const string HttpGeneric = "envoy.extensions.upstreams.http.generic.v3.GenericConnectionPoolProto";
    private const string HttpAlways = "envoy.extensions.upstreams.http.http.v3.HttpConnectionPoolProto";
    private const string TcpAlways = "envoy.extensions.upstreams.http.tcp.v3.TcpConnectionPoolProto";

    // For tcp_proxy, which makes a tunnel where its tunneling_config says so and a connection elsewhere: what it does without it, too.
    private const string TcpGeneric = "envoy.extensions.upstreams.tcp.generic.v3.GenericConnectionPoolProto";

    public static UpstreamPoolKind Compile(TypedExtensionConfig? extension)
    {
        const string Field = "upstream_config";
        if (extension is null)
        {
            return UpstreamPoolKind.Generic;
        }

        string name = ExtensionRegistry.Unwrap(extension.TypedConfig ?? new Any(), Field + ".typed_config").MessageName;
        return name switch
        {
            HttpGeneric or TcpGeneric => UpstreamPoolKind.Generic,
            HttpAlways => UpstreamPoolKind.Http,
            TcpAlways => UpstreamPoolKind.Tcp,
            _ => throw new ConfigRejectedException(Field + ".typed_config",
                $"extension '{extension.Name}' has {(name.Length == 0 ? "no typed_config" : $"type '{name}'")}, which Pilotfish does not have in this place"),
        };
    }
}

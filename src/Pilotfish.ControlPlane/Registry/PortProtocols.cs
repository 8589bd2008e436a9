namespace Pilotfish.ControlPlane.Registry;

/// <summary>Protocol selection for service ports and the classes of protocols that listeners care about.</summary>
public static class PortProtocols
{
    private const string GrpcWebPrefix = "grpc-web";

    // Server-first or opaque protocols live on these ports so often that sniffing would hang them: SMTP, DNS, MySQL, MongoDB.
    private static readonly int[] s_wellKnownTcpPorts = [25, 53, 3306, 27017];

    /// <summary>Chooses by appProtocol, else port name, else well-known number, else sniffing.</summary>
    public static PortProtocol FromKubernetes(int port, string name, string transport, string? appProtocol)
    {
        if (transport == "UDP")
        {
            return PortProtocol.Udp;
        }

        var declared = name;
        if (appProtocol is not null)
        {
            switch (appProtocol)
            {
                case "kubernetes.io/h2c": return PortProtocol.Http2;
                case "kubernetes.io/ws": return PortProtocol.Http;
                case "kubernetes.io/wss": return PortProtocol.Https;
                default: declared = appProtocol; break;
            }
        }

        if (declared.StartsWith(GrpcWebPrefix, StringComparison.OrdinalIgnoreCase))
        {
            return PortProtocol.GrpcWeb;
        }

        var dash = declared.IndexOf('-', StringComparison.Ordinal);
        var protocol = Parse(dash < 0 ? declared : declared[..dash]);
        return protocol == PortProtocol.Unsupported && Array.IndexOf(s_wellKnownTcpPorts, port) >= 0
            ? PortProtocol.Tcp
            : protocol;
    }

    /// <summary>Reads a protocol as Istio objects spell it (ServiceEntry, Sidecar); unknown names mean sniffing.</summary>
    public static PortProtocol Parse(string name) => name.ToLowerInvariant() switch
    {
        "tcp" => PortProtocol.Tcp,
        "udp" => PortProtocol.Udp,
        "http" => PortProtocol.Http,
        "http_proxy" => PortProtocol.HttpProxy,
        "http2" => PortProtocol.Http2,
        "grpc" => PortProtocol.Grpc,
        "grpc-web" => PortProtocol.GrpcWeb,
        "https" => PortProtocol.Https,
        "tls" => PortProtocol.Tls,
        "mongo" => PortProtocol.Mongo,
        "redis" => PortProtocol.Redis,
        "mysql" => PortProtocol.MySql,
        _ => PortProtocol.Unsupported,
    };

    public static bool IsHttp(this PortProtocol protocol) => protocol is PortProtocol.Http or PortProtocol.Http2
        or PortProtocol.HttpProxy or PortProtocol.Grpc or PortProtocol.GrpcWeb;

    public static bool IsHttp2(this PortProtocol protocol) =>
        protocol is PortProtocol.Http2 or PortProtocol.Grpc or PortProtocol.GrpcWeb;

    public static bool IsGrpc(this PortProtocol protocol) => protocol is PortProtocol.Grpc or PortProtocol.GrpcWeb;

    public static bool IsTls(this PortProtocol protocol) => protocol is PortProtocol.Https or PortProtocol.Tls;

    public static bool IsSniffed(this PortProtocol protocol) => protocol == PortProtocol.Unsupported;

    public static bool IsHttpOrSniffed(this PortProtocol protocol) => protocol.IsHttp() || protocol.IsSniffed();

    public static bool IsTcp(this PortProtocol protocol) => protocol is PortProtocol.Tcp or PortProtocol.Https
        or PortProtocol.Tls or PortProtocol.Mongo or PortProtocol.Redis or PortProtocol.MySql;
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Extensions.Upstreams.Http.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Agent.Bootstrap;
using CommonHttpOptions = Envoy.Config.Core.V3.HttpProtocolOptions;
using HttpProtocolOptions = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Agent.Discovery;

/// <summary>
/// The cluster through which the control plane is reached in one process: the bootstrap's own, with its breakers and statistics, and the
/// control plane itself in place of the socket on which a separate agent would listen.
/// </summary>
internal static class DiscoveryCluster
{
    private const string HttpOptionsKey = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    // Connecting covers the TLS handshake, and a control plane that just started has every sidecar at its door.
    private const int ConnectSeconds = 10;

    // A control plane that vanished without a word is noticed within 40 s.
    private const int PingSeconds = 30;
    private const int PingTimeoutSeconds = 10;

    // Istio's own rate; a fleet that asked every 5 s, Envoy's default, would be a load on the cluster's DNS.
    private const int ResolveSeconds = 60;
    private const int ResolveAgainSeconds = 1;
    private const int ResolveAgainSecondsMax = 10;

    /// <param name="from">The bootstrap's cluster of this name.</param>
    /// <param name="target">Where the control plane is.</param>
    /// <param name="tls">Null for plaintext.</param>
    public static Cluster Build(Cluster from, DiscoveryTarget target, DiscoveryTls? tls)
    {
        int colon = target.Address.LastIndexOf(':');
        string host = target.Address[..colon].Trim('[', ']');
        uint port = uint.Parse(target.Address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture);
        Cluster cluster = from.Clone();
        cluster.Type = IPAddress.TryParse(host, out _) ? Cluster.Types.DiscoveryType.Static : Cluster.Types.DiscoveryType.StrictDns;
        cluster.DnsLookupFamily = Cluster.Types.DnsLookupFamily.V4Preferred;
        cluster.DnsRefreshRate = new Duration { Seconds = ResolveSeconds };
        cluster.DnsFailureRefreshRate = new Cluster.Types.RefreshRate
        {
            BaseInterval = new Duration { Seconds = ResolveAgainSeconds },
            MaxInterval = new Duration { Seconds = ResolveAgainSecondsMax },
        };
        cluster.ConnectTimeout = new Duration { Seconds = ConnectSeconds };
        cluster.LoadAssignment = new ClusterLoadAssignment
        {
            ClusterName = from.Name,
            Endpoints =
            {
                new LocalityLbEndpoints
                {
                    LbEndpoints = { new LbEndpoint { Endpoint = new Endpoint { Address = HostPort.Socket(host, port) } } },
                },
            },
        };
        var http = new HttpProtocolOptions
        {
            ExplicitHttpConfig = new HttpProtocolOptions.Types.ExplicitHttpConfig { Http2ProtocolOptions = Http2() },
        };
        if (target.IdleSeconds > 0)
        {
            http.CommonHttpProtocolOptions = new CommonHttpOptions { IdleTimeout = new Duration { Seconds = target.IdleSeconds } };
        }

        cluster.TypedExtensionProtocolOptions[HttpOptionsKey] = TypedConfig.Pack(http);
        cluster.TransportSocket = tls is null ? null : Secrets.Socket(Context(target, tls));
        return cluster;
    }

    private static Http2ProtocolOptions Http2() => new()
    {
        ConnectionKeepalive = new KeepaliveSettings
        {
            Interval = new Duration { Seconds = PingSeconds },
            Timeout = new Duration { Seconds = PingTimeoutSeconds },
        },
    };

    private static UpstreamTlsContext Context(DiscoveryTarget target, DiscoveryTls tls)
    {
        bool isAddress = IPAddress.TryParse(target.ServerName, out _);
        var validation = new CertificateValidationContext
        {
            MatchTypedSubjectAltNames =
            {
                new SubjectAltNameMatcher
                {
                    SanType = isAddress ? SubjectAltNameMatcher.Types.SanType.IpAddress : SubjectAltNameMatcher.Types.SanType.Dns,
                    Matcher = new StringMatcher { Exact = target.ServerName },
                },
            },
        };
        if (tls.Roots is { } roots)
        {
            validation.TrustedCa = Inline(roots);
        }
        else
        {
            validation.SystemRootCerts = new CertificateValidationContext.Types.SystemRootCerts();
        }

        var common = new CommonTlsContext
        {
            TlsParams = new TlsParameters
            {
                TlsMinimumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv12,
                TlsMaximumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv13,
            },
            AlpnProtocols = { "h2" },
            ValidationContext = validation,
        };
        if (tls.Certificate is { } certificate)
        {
            common.TlsCertificates.Add(new TlsCertificate { CertificateChain = Inline(certificate.Chain), PrivateKey = Inline(certificate.Key) });
        }

        // RFC 6066 allows names only.
        return new UpstreamTlsContext { CommonTlsContext = common, Sni = isAddress ? "" : target.ServerName };
    }

    private static DataSource Inline(byte[] bytes) => new() { InlineBytes = UnsafeByteOperations.UnsafeWrap(bytes) };
}

using System.Security.Cryptography.X509Certificates;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>TLS towards a host.</summary>
internal sealed class TlsUpstreamTransport(TlsContextModel model) : UpstreamTransport
{
    public override bool IsRaw => false;

    public override string Name => "tls";

    public string ServerName { get; init; } = "";

    /// <summary>auto_host_sni: an endpoint's hostname takes the place of sni.</summary>
    public bool UsesHostname { get; init; }

    /// <summary>auto_sni_san_validation: the name that was asked for must be the certificate's.</summary>
    public bool ValidatesServerName { get; init; }

    /// <summary>
    /// max_session_keys: sessions that this cluster keeps; zero resumes none. Null keeps the newest of each host, shared with clusters of the
    /// same certificate and parameters: Envoy's default of one in all would resume little where a cluster has several hosts.
    /// </summary>
    public int? SessionsMax { get; init; }

    public bool AllowsRenegotiation { get; init; }

    /// <summary>enforce_rsa_key_usage.</summary>
    public bool EnforcesRsaKeyUsage { get; init; }

    /// <summary>For reports.</summary>
    internal TlsContextModel Context => model;

    internal override void Show(StatScope scope) => CertificateStats.Show(scope, model, isServer: false);

    public override async ValueTask<UpstreamHandshake> WrapAsync(SocketStream socket, UpstreamTransportRequest request)
    {
        TlsStats stats = request.Cluster.State.Stats.Tls;
        StatCells cells = request.Cluster.Worker.Stats;
        if (!model.IsReady)
        {
            cells.Add(stats.SecretsNotReady);
            return new UpstreamHandshake(null, Clusters.UpstreamConnectFailure.SecretsNotReady, TlsDownstreamTransport.NotReady);
        }

        UpstreamTransportOverrides? overrides = request.Overrides;
        string name = overrides?.ServerName ?? (UsesHostname && request.Host.Hostname.Length > 0 ? request.Host.Hostname : ServerName);
        TlsHandshake handshake = await TlsClientStream.ConnectAsync(socket, new TlsClientOptions
        {
            ServerName = name,
            ApplicationProtocols = overrides?.ApplicationProtocols is { } protocols ? protocols.Split(',') : model.ApplicationProtocols,
            Certificate = model.Certificates.Count > 0 ? model.Certificates[0].Current?.Context : null,
            ServerVerification = Verification(overrides?.VerifySubjectAltName, name),
            Protocols = model.Protocols,
            CipherSuites = model.CipherSuites,
            Groups = model.Groups,
            SignatureAlgorithms = model.SignatureAlgorithms,
            AllowResumption = SessionsMax is not 0,
            SessionsMax = SessionsMax,
            SessionScope = SessionsMax is null ? null : this,
            AllowRenegotiation = AllowsRenegotiation,
            EnforceRsaKeyUsage = EnforcesRsaKeyUsage,
            IsAesOnly = model.IsAesOnly,
            KeyLog = model.KeyLog,
        });
        if (handshake.Stream is { } stream)
        {
            stats.Succeeded(cells, stream.Tls);
            return new UpstreamHandshake(stream, Clusters.UpstreamConnectFailure.None, null);
        }

        stats.Failed(cells, handshake.Kind);
        return new UpstreamHandshake(null, Clusters.UpstreamConnectFailure.Remote, handshake.Failure);
    }

    /// <summary>A name that the request demands (auto_san_validation) takes the place of the configured ones.</summary>
    private TlsPeerVerification? Verification(string? demanded, string serverName)
    {
        TlsPeerVerification? configured = model.Trust?.Current;
        if (configured is null)
        {
            return null;
        }

        if (demanded is not null)
        {
            return configured with { Check = leaf => CheckName(leaf, demanded, dnsOnly: false) };
        }

        return ValidatesServerName && serverName.Length > 0
            ? configured with { Check = leaf => CheckName(leaf, serverName, dnsOnly: true) }
            : configured;
    }

    private static TlsRefusal? CheckName(X509Certificate2 leaf, string wanted, bool dnsOnly)
    {
        List<SubjectAltName> names = SubjectAltNames.Read(leaf);
        foreach ((SubjectAltNameKind kind, string name) in names)
        {
            if (kind == SubjectAltNameKind.Dns ? SubjectAltNames.DnsMatches(wanted, name) : !dnsOnly && name == wanted)
            {
                return null;
            }
        }

        string text = dnsOnly
            ? $"verify cert failed: SAN matcher, certificate SANs are [{SubjectAltNames.Join(names)}]"
            : $"verify cert failed: verify SAN list, expected SANs: [{wanted}], certificate SANs: [{SubjectAltNames.Join(names)}]";
        return new TlsRefusal(TlsFailureKind.Name, text);
    }
}

using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Overload;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>TLS towards clients.</summary>
internal sealed class TlsDownstreamTransport(TlsContextModel model, CertificateChooser chooser) : DownstreamTransport
{
    internal const string NotReady = "TLS error: Secret is not supplied by SDS";
    private const string NoServerName = "require_sni: the client names no server";
    private const string ForeignServerName = "require_sni: no certificate has the name that the client asks for";
    private const string TimedOut = "the TLS handshake took longer than transport_socket_connect_timeout";

    // A required certificate that nothing can vouch for is refused, not waived.
    private static readonly TlsPeerVerification s_nobody = new()
    {
        Roots = [],
        Check = static _ => new TlsRefusal(TlsFailureKind.Chain, "verify cert failed: no trusted_ca is configured"),
    };

    private readonly ServerChoices _choices = new(model.Certificates);

    public override string Name => "tls";

    /// <summary>What holds native memory; ends with the configuration.</summary>
    public IDisposable Choices => _choices;

    /// <summary>session_ticket_keys; null for this process's own.</summary>
    public TlsTicketKeys? TicketKeys { get; init; }

    public bool RequiresClientCertificate { get; init; }

    /// <summary>require_sni: a client must ask for a name that one of the certificates has.</summary>
    public bool RequiresServerName { get; init; }

    public TlsResumption Resumption { get; init; } = TlsResumption.All;

    /// <summary>session_timeout; null for the library's own.</summary>
    public uint? SessionSeconds { get; init; }

    public bool PrefersClientCiphers { get; init; }

    /// <summary>For reports.</summary>
    internal TlsContextModel Context => model;

    public override async ValueTask<string?> AcceptAsync(DownstreamConnection connection)
    {
        TlsStats stats = connection.Listener.State.Stats.Tls;
        StatCells cells = connection.Worker.Stats;
        if (!model.IsReady)
        {
            cells.Add(stats.SecretsNotReady);
            return NotReady;
        }

        IByteStream raw = connection.Stream;
        bool timedOut = false;
        var timer = new ScaledTimer(connection.Worker.Loop, ScaledTimerType.TransportSocketConnect, _ =>
        {
            timedOut = true;
            raw.Close();
        }, null);
        timer.Schedule(connection.Listener.Overload, connection.Chain.HandshakeMilliseconds);
        TlsHandshake handshake = await TlsServerStream.AcceptAsync(raw, hello => Choose(hello, raw.Loop.WallNow, stats, cells));
        timer.Cancel();
        if (handshake.Stream is not { } stream)
        {
            if (timedOut)
            {
                cells.Add(connection.Listener.State.Stats.CxHandshakeTimeout);
                return TimedOut;
            }

            stats.Failed(cells, handshake.Kind);
            return handshake.Failure;
        }

        stats.Succeeded(cells, stream.Tls);
        connection.Stream = stream;
        connection.Info.Tls = stream.Tls;
        connection.Info.HandshakeNanoseconds = connection.Worker.Loop.NowNanoseconds - connection.Info.StartNanoseconds;
        connection.Info.RequestedServerName ??= stream.Tls.ServerName;
        return null;
    }

    private TlsServerChoice? Choose(TlsClientHello hello, DateTimeOffset now, TlsStats stats, StatCells cells)
    {
        CertificateChoice choice = chooser.Choose(hello, now);
        stats.Chose(cells, hello.AsksForStaple, choice.Action);
        if (choice.Identity is not { } identity || choice.Action == StapleAction.Fail)
        {
            return null;
        }

        if (RequiresServerName && !choice.IsNamed)
        {
            hello.Refusal = new TlsHelloRefusal(TlsHelloRefusal.UnrecognizedName, hello.ServerName is null ? NoServerName : ForeignServerName);
            return null;
        }

        return _choices.Of(identity, model.Trust?.Current ?? (RequiresClientCertificate ? s_nobody : null), Make);
    }

    private TlsServerChoice Make(TlsIdentity identity, TlsPeerVerification? verification) => new()
    {
        Certificate = identity.Context,
        ApplicationProtocols = model.ApplicationProtocols,
        ClientVerification = verification,

        // Rules about the certificate's content demand that there is one (default_validator.cc, verify_mode).
        RequireClientCertificate = RequiresClientCertificate || verification is { Check: not null, AcceptUntrusted: false },
        Protocols = model.Protocols,
        CipherSuites = model.CipherSuites,
        Groups = model.Groups,
        SignatureAlgorithms = model.SignatureAlgorithms,
        TicketKeys = TicketKeys,
        Resumption = Resumption,
        SessionSeconds = SessionSeconds,
        PreferClientCiphers = PrefersClientCiphers,
        IsAesOnly = model.IsAesOnly,
        KeyLog = model.KeyLog,
        Staple = identity.Staple,
    };
}

using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Http;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Facts of both TLS sessions. Certificate texts are made per record: who asks for them pays for them.</summary>
internal static class TlsOperators
{
    private const int HostNameBytesMax = 255;

    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        AddSide(all, "DOWNSTREAM", static s => s.Info.Connection.Tls);
        AddSide(all, "UPSTREAM", static s => s.Info.Upstream.Tls);
        all.Add("REQUESTED_SERVER_NAME", RequestedServerName);

        // Fingerprints of the client's hello are not taken.
        foreach (string name in (string[])["TLS_JA3_FINGERPRINT", "TLS_JA4_FINGERPRINT"])
        {
            all.AddPlain(name, static (in FormatSource _, FormatOutput _) => FormatValueKind.Missing);
        }
    }

    private static void AddSide(
        Dictionary<string, Func<FormatOperator, FormatOperation>> all, string side, Func<FormatSource, TlsSessionFacts?> session)
    {
        all.AddText($"{side}_TLS_VERSION", s => Version(session(s)));
        all.AddText($"{side}_TLS_CIPHER", s => session(s) is { } facts ? CipherNames.OpenSsl(facts.CipherSuite) : null);

        // SslStream does not tell the session's id.
        all.AddText($"{side}_TLS_SESSION_ID", static _ => null);
        AddCertificate(all, $"{side}_PEER_", s => session(s)?.PeerCertificate);
        AddCertificate(all, $"{side}_LOCAL_", s => session(s)?.LocalCertificate);
    }

    private static void AddCertificate(
        Dictionary<string, Func<FormatOperator, FormatOperation>> all, string prefix, Func<FormatSource, X509Certificate2?> certificate)
    {
        Text("SUBJECT", CertificateTexts.Subject);
        Text("ISSUER", CertificateTexts.Issuer);
        Text("SERIAL", static c => c.SerialNumber.ToLowerInvariant());
        Text("FINGERPRINT_256", static c => c.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant());
        Text("FINGERPRINT_1", static c => c.GetCertHashString(HashAlgorithmName.SHA1).ToLowerInvariant());
        Text("CERT", static c => Uri.EscapeDataString(c.ExportCertificatePem() + "\n"));
        Text("URI_SAN", static c => CertificateTexts.AlternativeNames(c, CertificateTexts.UriTag));
        Text("DNS_SAN", static c => CertificateTexts.AlternativeNames(c, CertificateTexts.DnsTag));
        Text("EMAIL_SAN", static c => CertificateTexts.AlternativeNames(c, CertificateTexts.EmailTag));
        Text("IP_SAN", static c => CertificateTexts.AlternativeNames(c, CertificateTexts.IpTag));
        Text("OTHERNAME_SAN", static _ => null);
        Time("CERT_V_START", static c => c.NotBefore);
        Time("CERT_V_END", static c => c.NotAfter);

        // The leaf stands for the chain: SslStream keeps no more of what the peer sent.
        Text("CHAIN_FINGERPRINTS_256", static c => c.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant());
        Text("CHAIN_FINGERPRINTS_1", static c => c.GetCertHashString(HashAlgorithmName.SHA1).ToLowerInvariant());
        Text("CHAIN_SERIALS", static c => c.SerialNumber.ToLowerInvariant());

        void Text(string name, Func<X509Certificate2, string?> text) =>
            all.AddText(prefix + name, s => certificate(s) is { } found ? text(found) : null);

        void Time(string name, Func<X509Certificate2, DateTime> time) => all.Add(prefix + name, source =>
        {
            FormatOperator withDefault = source with { Arguments = source.Arguments ?? "%b %e %H:%M:%S %Y %Z" };
            TimeFormat format = TimeOperators.Format(withDefault, null);
            return (in FormatSource s, FormatOutput output) =>
            {
                if (certificate(s) is not { } found)
                {
                    return FormatValueKind.Missing;
                }

                format.Append(output, new DateTimeOffset(time(found).ToUniversalTime()));
                return FormatValueKind.Text;
            };
        });
    }

    private static string? Version(TlsSessionFacts? facts) => facts?.Protocol switch
    {
        SslProtocols.Tls13 => "TLSv1.3",
        SslProtocols.Tls12 => "TLSv1.2",
        null => null,
        SslProtocols other => other.ToString(),
    };

    private static FormatOperation RequestedServerName(FormatOperator source)
    {
        string[] parts = (source.Arguments ?? "").Split(':');
        string order = parts[0].Length == 0 ? "SNI_ONLY" : parts[0];
        string host = parts.Length < 2 || parts[1].Length == 0 ? "ORIG_OR_HOST" : parts[1];
        if (parts.Length > 2 || order is not ("SNI_ONLY" or "SNI_FIRST" or "HOST_FIRST")
            || host is not ("ORIG" or "HOST" or "ORIG_OR_HOST"))
        {
            throw source.Reject(
                $"has the argument '({source.Arguments})'; it takes SNI_ONLY, SNI_FIRST or HOST_FIRST, then ORIG, HOST or ORIG_OR_HOST");
        }

        HeaderKeys keys = HeaderKeys.Of(host switch
        {
            "ORIG" => new HeaderArguments("x-envoy-original-host", null),
            "HOST" => new HeaderArguments(":authority", null),
            _ => new HeaderArguments("x-envoy-original-host", ":authority"),
        });
        return (in FormatSource s, FormatOutput output) =>
        {
            bool hasHost = order != "SNI_ONLY" && keys.TryGet(s.Info.RequestHeaders, out _);
            string? sni = s.Info.Connection.RequestedServerName;
            bool useHost = hasHost && (order == "HOST_FIRST" || string.IsNullOrEmpty(sni));
            if (useHost && keys.TryGet(s.Info.RequestHeaders, out ReadOnlySpan<byte> authority))
            {
                AppendHostName(output, authority);
                return FormatValueKind.Text;
            }

            return AppendServerName(output, sni);
        };
    }

    private static FormatValueKind AppendServerName(FormatOutput output, string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            return FormatValueKind.Missing;
        }

        foreach (char c in name.AsSpan(0, Math.Min(name.Length, HostNameBytesMax)))
        {
            output.Append(IsHostCharacter(c) ? (byte)c : (byte)'_');
        }

        return FormatValueKind.Text;
    }

    // The client chooses this text: what no host name can hold must not forge log fields.
    private static void AppendHostName(FormatOutput output, ReadOnlySpan<byte> name)
    {
        int colon = name.LastIndexOf((byte)':');
        ReadOnlySpan<byte> host = colon > 0 && name[^1] != ']' ? name[..colon] : name;
        foreach (byte c in host[..Math.Min(host.Length, HostNameBytesMax)])
        {
            output.Append(IsHostCharacter((char)c) ? c : (byte)'_');
        }
    }

    private static bool IsHostCharacter(char c) =>
        char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':' or '[' or ']' or '*';
}

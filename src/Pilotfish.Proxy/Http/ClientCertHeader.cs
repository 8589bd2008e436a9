using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Http;

/// <summary>x-forwarded-client-cert: what the next hop learns of the client's certificate.</summary>
internal static class ClientCertHeader
{
    public static void Apply(HttpStream stream)
    {
        HcmModel hcm = stream.Hcm;
        HeaderMap headers = stream.RequestHeaders;
        ClientCertRule rule = hcm.ClientCertMatcher?.Find(stream.Info) ?? hcm.ClientCert;
        X509Certificate2? peer = stream.Info.Connection.Tls?.PeerCertificate;
        if (rule.Forwarding == ClientCertForwarding.AlwaysForwardOnly)
        {
            return;
        }

        if (peer is null || rule.Forwarding == ClientCertForwarding.Sanitize)
        {
            headers.Remove(WellKnownHeader.XForwardedClientCert);
            return;
        }

        if (rule.Forwarding == ClientCertForwarding.ForwardOnly)
        {
            return;
        }

        byte[] element = Element(stream.Info.Connection, peer, rule.Details);
        if (rule.Forwarding == ClientCertForwarding.AppendForward)
        {
            headers.AppendValue(WellKnownHeader.XForwardedClientCert, ","u8, element);
        }
        else
        {
            headers.Set(WellKnownHeader.XForwardedClientCert, element);
        }
    }

    // Certificates stay as they are while a connection lives, so its requests share the text. A matcher that changes its mind has it made again.
    private static byte[] Element(ConnectionInfo connection, X509Certificate2 peer, ClientCertDetails details)
    {
        if (connection.ForwardedCertificate is not { } known || connection.ForwardedCertificateDetails != details)
        {
            known = Encoding.Latin1.GetBytes(Element(connection.Tls!, peer, details));
            connection.ForwardedCertificate = known;
            connection.ForwardedCertificateDetails = details;
        }

        return known;
    }

    // Fields in the order of Envoy's ClientCertDetailsType: Cert, Chain, Subject, URI, DNS.
    private static string Element(TlsSessionFacts tls, X509Certificate2 peer, ClientCertDetails details)
    {
        var text = new StringBuilder();
        foreach (string own in Names(tls.LocalCertificate, CertificateTexts.UriTag))
        {
            text.Append("By=").Append(Quoted(own)).Append(';');
        }

        text.Append("Hash=").Append(Convert.ToHexStringLower(SHA256.HashData(peer.RawDataMemory.Span)));
        if ((details & ClientCertDetails.Cert) != 0)
        {
            text.Append(";Cert=\"").Append(Pem(peer.RawDataMemory.Span)).Append('"');
        }

        if ((details & ClientCertDetails.Chain) != 0)
        {
            text.Append(";Chain=\"").Append(Pem(peer.RawDataMemory.Span));
            foreach (byte[] issuer in tls.PeerIssuers)
            {
                text.Append(Pem(issuer));
            }

            text.Append('"');
        }

        if ((details & ClientCertDetails.Subject) != 0)
        {
            text.Append(";Subject=\"").Append(CertificateTexts.Subject(peer)).Append('"');
        }

        if ((details & ClientCertDetails.Uri) != 0)
        {
            IReadOnlyList<string> uris = Names(peer, CertificateTexts.UriTag);
            if (uris.Count == 0)
            {
                text.Append(";URI=");
            }

            foreach (string uri in uris)
            {
                text.Append(";URI=").Append(Quoted(uri));
            }
        }

        if ((details & ClientCertDetails.Dns) != 0)
        {
            foreach (string name in Names(peer, CertificateTexts.DnsTag))
            {
                text.Append(";DNS=").Append(Quoted(name));
            }
        }

        return text.ToString();
    }

    private static string Pem(ReadOnlySpan<byte> der) => Uri.EscapeDataString(PemEncoding.WriteString("CERTIFICATE", der) + "\n");

    // What would end the value: Envoy's documentation has it quoted.
    private static string Quoted(string value) => value.AsSpan().IndexOfAny(",;=\"") < 0
        ? value
        : $"\"{value.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static IReadOnlyList<string> Names(X509Certificate2? certificate, int tag) =>
        certificate is null ? [] : CertificateTexts.AlternativeNameList(certificate, tag);
}

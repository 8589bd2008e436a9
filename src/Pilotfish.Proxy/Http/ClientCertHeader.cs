using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Http;

/// <summary>x-forwarded-client-cert: what the next hop learns of the client's certificate.</summary>
internal static class ClientCertHeader
{
    public static void Apply(HttpStream stream)
    {
        HcmModel hcm = stream.Hcm;
        HeaderMap headers = stream.RequestHeaders;
        X509Certificate2? peer = stream.Info.Connection.Tls?.PeerCertificate;
        if (hcm.ClientCert == ClientCertForwarding.AlwaysForwardOnly)
        {
            return;
        }

        if (peer is null || hcm.ClientCert == ClientCertForwarding.Sanitize)
        {
            headers.Remove(WellKnownHeader.XForwardedClientCert);
            return;
        }

        if (hcm.ClientCert == ClientCertForwarding.ForwardOnly)
        {
            return;
        }

        byte[] element = Encoding.Latin1.GetBytes(Element(stream.Info.Connection.Tls!, peer, hcm.ClientCertDetails));
        if (hcm.ClientCert == ClientCertForwarding.AppendForward)
        {
            headers.AppendValue(WellKnownHeader.XForwardedClientCert, ","u8, element);
        }
        else
        {
            headers.Set(WellKnownHeader.XForwardedClientCert, element);
        }
    }

    private static string Element(TlsSessionFacts tls, X509Certificate2 peer, ClientCertDetails details)
    {
        var text = new StringBuilder();
        if (Names(tls.LocalCertificate, CertificateTexts.UriTag) is [string own, ..])
        {
            text.Append("By=").Append(own).Append(';');
        }

        text.Append("Hash=").Append(Convert.ToHexStringLower(SHA256.HashData(peer.RawDataMemory.Span)));
        if ((details & ClientCertDetails.Cert) != 0)
        {
            text.Append(";Cert=\"").Append(Uri.EscapeDataString(peer.ExportCertificatePem() + "\n")).Append('"');
        }

        if ((details & ClientCertDetails.Subject) != 0)
        {
            text.Append(";Subject=\"").Append((CertificateTexts.Subject(peer) ?? "").Replace("\"", "\\\"", StringComparison.Ordinal)).Append('"');
        }

        if ((details & ClientCertDetails.Uri) != 0)
        {
            string[] uris = Names(peer, CertificateTexts.UriTag);
            if (uris.Length == 0)
            {
                text.Append(";URI=");
            }

            foreach (string uri in uris)
            {
                text.Append(";URI=").Append(uri);
            }
        }

        if ((details & ClientCertDetails.Dns) != 0)
        {
            foreach (string name in Names(peer, CertificateTexts.DnsTag))
            {
                text.Append(";DNS=").Append(name);
            }
        }

        return text.ToString();
    }

    private static string[] Names(X509Certificate2? certificate, int tag) => certificate is null
        ? []
        : CertificateTexts.AlternativeNames(certificate, tag)?.Split(',') ?? [];
}

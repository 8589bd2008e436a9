namespace Pilotfish.Proxy.Http;

/// <summary>set_current_client_cert_details: what an x-forwarded-client-cert element tells beside By and Hash.</summary>
[Flags]
public enum ClientCertDetails : byte
{
    None = 0,
    Subject = 1,
    Cert = 2,
    Chain = 4,
    Uri = 8,
    Dns = 16,
}

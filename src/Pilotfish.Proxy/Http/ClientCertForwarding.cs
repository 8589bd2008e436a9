namespace Pilotfish.Proxy.Http;

/// <summary>forward_client_cert_details.</summary>
public enum ClientCertForwarding : byte
{
    Sanitize,
    ForwardOnly,
    AppendForward,
    SanitizeSet,
    AlwaysForwardOnly,
}

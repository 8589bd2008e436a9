using Istio.V1.Auth;
using Pilotfish.Agent.Bootstrap;
using Pilotfish.Agent.Discovery;
using Pilotfish.Agent.Lifecycle;
using Pilotfish.Api.Names;
using Pilotfish.Proxy.AsyncClient;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>An authority with Istio's certificate service, called through the data plane's own clusters, HTTP/2 and TLS. Main loop.</summary>
internal sealed class CertificateAuthority(DiscoveryTarget target, DiscoveryChannel channel, IDataPlane dataPlane) : ICertificateAuthority
{
    private const string Service = "istio.v1.auth.IstioCertificateService";
    private const string Method = "CreateCertificate";

    // An authority signs in milliseconds; one that needs longer is overloaded, and gets the next attempt later.
    private const long DeadlineMilliseconds = 10_000;

    // A chain has some kilobytes, a bundle of many roots some hundred.
    private const int AnswerBytesMax = 1024 * 1024;

    public string Name => target.Address;

    public IDisposable Sign(IstioCertificateRequest request, IUnaryCallEvents events) => dataPlane.Call(
        channel,
        new UnaryCallRequest
        {
            Cluster = ControlPlaneNames.CaClusterName,
            Service = Service,
            Method = Method,
            Message = request,
            DeadlineMilliseconds = DeadlineMilliseconds,
            MessageBytesMax = AnswerBytesMax,
        },
        events);

    public string? Advice(in UnaryFailure failure) => failure switch
    {
        { TransportFailure: { } transport } when channel.Advice(transport) is { } advice => advice,
        { Status: GrpcStatusCode.Unauthenticated or GrpcStatusCode.PermissionDenied } =>
            $"Check that '{target.TokenFile}' is a token of this pod's service account for the audience 'istio-ca' that has not ended, and that "
            + $"the authority knows the cluster '{target.ClusterId}' ({AgentVariables.ClusterId})"
            + (target.Certificate is { } files ? $", or that it trusts '{files.Chain}'" : ""),
        { Status: GrpcStatusCode.Unimplemented } =>
            $"There is no certificate service at this address: name the one that has it with {AgentVariables.CaAddress}",
        { Status: GrpcStatusCode.InvalidArgument } =>
            $"Check {AgentVariables.SecretTtl}, {AgentVariables.CertificateSigner} and the kind of key ({AgentVariables.EccSignatureAlgorithm}, "
            + $"{AgentVariables.WorkloadRsaKeySize}) against what the authority allows",
        _ => null,
    };
}

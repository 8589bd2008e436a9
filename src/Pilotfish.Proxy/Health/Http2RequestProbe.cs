using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Health;

/// <summary>An HTTP check whose codec_client_type is HTTP2.</summary>
internal sealed class Http2RequestProbe(WorkerCluster cluster, Host host, HealthCheckPolicy policy) : Http2Probe(cluster, host, policy)
{
    private HealthAnswer? _answer;

    protected override ReadOnlyMemory<byte> Body => Policy.Sent;

    protected override void Begin() => _answer = new HealthAnswer(Policy);

    protected override void Write(HeaderMap headers, bool isSecure) => HealthRequest.Write(headers, this, isSecure);

    protected override void Head(int status)
    {
        var headers = new HeaderMap();
        headers.CopyFrom(ResponseHeaders);
        _answer!.TakeHead(headers, status);
    }

    protected override void Data(ReadOnlySpan<byte> data) => _answer!.TakeBody(data);

    protected override ProbeResult Judge(HeaderMap? last)
    {
        IsToldToExclude = _answer!.ExcludesHost;
        return _answer.Judge(HasExpected(_answer.Body));
    }
}

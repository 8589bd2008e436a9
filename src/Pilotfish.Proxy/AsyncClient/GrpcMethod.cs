using System.Text;

namespace Pilotfish.Proxy.AsyncClient;

/// <summary>A method by its full names, as the request's path. Made once per service that the proxy calls.</summary>
internal sealed class GrpcMethod(string service, string method)
{
    private readonly byte[] _path = Encoding.ASCII.GetBytes($"/{service}/{method}");

    public ReadOnlySpan<byte> Path => _path;
}

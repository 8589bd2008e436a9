using Pilotfish.Proxy.AsyncClient;

namespace Pilotfish.Proxy.Xds;

/// <summary>Who opens the next stream when one ended. Main loop.</summary>
internal interface IXdsStreamOwner
{
    void OnOpened();

    /// <summary>The server answers: the next failure is not one in a row.</summary>
    void OnResponse();

    void OnEnd(in GrpcEnd end);
}

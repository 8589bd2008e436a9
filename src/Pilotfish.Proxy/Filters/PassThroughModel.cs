using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters;

/// <summary>The model of a filter that is accepted and does nothing: it costs a request one virtual call.</summary>
public sealed class PassThroughModel : HttpFilterModel
{
    public static readonly PassThroughModel Instance = new();

    private PassThroughModel()
    {
    }

    public override HttpFilter? Create(HttpStream stream, string name) => null;
}

using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http;

/// <summary>A filter's compiled config: immutable, shared by all requests of its chain and by all workers.</summary>
public abstract class HttpFilterModel
{
    /// <summary>Whether the filter answers or forwards every request: only such a filter may end a chain.</summary>
    public virtual bool IsTerminal => false;

    /// <summary>
    /// The filter for one request, or null when it has nothing to do for it: then the request pays nothing for it. Called after the route
    /// was chosen.
    /// </summary>
    public abstract HttpFilter? Create(HttpStream stream, string name);
}

using Pilotfish.Proxy.Clusters;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Tests.Transport;

/// <summary>A name server in the test's hands.</summary>
internal sealed class ScriptedResolver : NameResolver
{
    public Dictionary<string, NameAnswer> Answers { get; } = [];

    public int Asked { get; private set; }

    public override ValueTask<NameAnswer> ResolveAsync(string name, AddressFamilyKind family)
    {
        Asked++;
        return new ValueTask<NameAnswer>(Answers.TryGetValue(name, out NameAnswer answer)
            ? answer
            : new NameAnswer([], 0, "no such name"));
    }
}

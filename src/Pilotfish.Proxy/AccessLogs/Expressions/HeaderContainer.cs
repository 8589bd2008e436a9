using System.Text;
using Pilotfish.Language.Cel;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.AccessLogs.Expressions;

/// <summary>A header map as a map of lower-case names to first values.</summary>
internal sealed class HeaderContainer : CelContainer
{
    // Names are compared in lower case; a longer one than this is no header of ours.
    private const int NameBytesMax = 256;

    /// <summary>A null reference is the map of a stream that has no such headers.</summary>
    public static readonly HeaderContainer Instance = new();

    public override int Count(scoped in CelValue self, CelActivation activation) => (self.Reference as IHeaderReader)?.Count ?? 0;

    public override CelValue KeyAt(scoped in CelValue self, int index, CelActivation activation) =>
        CelValue.OfString(((IHeaderReader)self.Reference!).EntryAt(index).Name);

    public override bool TryGet(scoped in CelValue self, scoped in CelValue key, CelActivation activation, out CelValue value)
    {
        value = default;
        if (self.Reference is not IHeaderReader headers || key.Kind != CelKind.String || key.Text.Length > NameBytesMax)
        {
            return false;
        }

        // In the scratch, not on the stack: the value found may refer to its name's memory as far as the compiler knows.
        Span<byte> lower = activation.Scratch.Reserve(NameBytesMax);
        if (Ascii.ToLower(key.Text, lower, out int length) != System.Buffers.OperationStatus.Done
            || !headers.TryGet(lower[..length], out ReadOnlySpan<byte> text))
        {
            return false;
        }

        value = CelValue.OfString(text);
        return true;
    }
}

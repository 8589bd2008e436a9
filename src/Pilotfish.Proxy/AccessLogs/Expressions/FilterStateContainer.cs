using Pilotfish.Language.Cel;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs.Expressions;

/// <summary>The filter state of a stream by object name; a value is the object's text. Reads a <see cref="StreamInfo"/>.</summary>
internal sealed class FilterStateContainer : CelContainer
{
    public static readonly FilterStateContainer Instance = new();

    public override int Count(scoped in CelValue self, CelActivation activation)
    {
        FilterState? state = ((StreamInfo)self.Reference!).FilterState;
        return (state?.Entries.Count ?? 0) + (state?.Connection?.Entries.Count ?? 0);
    }

    public override bool TryGet(scoped in CelValue self, scoped in CelValue key, CelActivation activation, out CelValue value)
    {
        value = default;
        if (key.Kind != CelKind.String)
        {
            return false;
        }

        for (FilterState? state = ((StreamInfo)self.Reference!).FilterState; state is not null; state = state.Connection)
        {
            for (int i = 0; i < state.Entries.Count; i++)
            {
                if (TextEquality.Equals(key.Text, state.Entries[i].Name))
                {
                    value = activation.TextOf(state.Entries[i].Value.PlainText);
                    return true;
                }
            }
        }

        return false;
    }
}

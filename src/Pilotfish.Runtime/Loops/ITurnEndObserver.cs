namespace Pilotfish.Runtime.Loops;

/// <summary>Work to do once when the current turn is over, such as flushing what the turn has gathered.</summary>
public interface ITurnEndObserver
{
    void OnTurnEnd();
}

namespace Pilotfish.Proxy.Overload;

/// <summary>A stream that can be ended for the memory that it holds. On its loop.</summary>
public interface IMemoryHolder
{
    /// <summary>Bytes of the buffers that the stream has on loan, on both of its sides.</summary>
    long BufferedBytes { get; }

    /// <summary>Ends the stream: the overload manager chose it.</summary>
    void EndForMemory();
}

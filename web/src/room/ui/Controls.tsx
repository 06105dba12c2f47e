/** One row of large controls, each with a sign, a word, and its state for those who do not see it. */
import type { ReactNode } from "react";
import { Icon, type IconName } from "~/components";
import type { RoomSession } from "../mesh/session";
import type { RoomState } from "../mesh/state";
import { useRoomStrings } from "../strings";
import styles from "./room.module.css";

interface Props {
  session: RoomSession;
  state: RoomState;
  chatOpen: boolean;
  unread: number;
  onChat: () => void;
  notesOpen?: boolean | undefined;
  onNotes?: (() => void) | undefined;
  panel?: { label: string; icon: IconName; open: boolean; onPress: () => void } | undefined;
  recording?: { running: boolean; busy: boolean; toggle: () => void } | undefined;
  onLeave: () => void;
  /** Something is tried that may be refused: what was refused before is over. */
  onTry: () => void;
  onRefused: (error: unknown) => void;
}

export function Controls({ session, state, onTry, onRefused, ...props }: Props) {
  const words = useRoomStrings();
  const { microphone, camera, screen } = state.mine;
  const turn = (act: Promise<void>) => {
    onTry();
    act.catch(onRefused);
  };
  const canShare = "getDisplayMedia" in navigator.mediaDevices;
  return (
    <div className={styles.controls} role="toolbar" aria-label={words.controls}>
      <Control
        icon={microphone === null ? "microphone-off" : "microphone"}
        label={words.microphone}
        hint={microphone === null ? words.microphoneOff : words.microphoneOn}
        off={microphone === null}
        onPress={() => turn(session.turn("microphone", microphone === null))}
      />
      <Control
        icon={camera === null ? "camera-off" : "camera"}
        label={words.camera}
        hint={camera === null ? words.cameraOff : words.cameraOn}
        off={camera === null}
        onPress={() => turn(session.turn("camera", camera === null))}
      />
      <Control
        icon="speaker"
        label={words.voiceOnly}
        pressed={state.audioOnlyWanted}
        onPress={() => session.wantAudioOnly(!state.audioOnlyWanted)}
      />
      <Control
        icon="chat"
        label={words.chat}
        pressed={props.chatOpen}
        count={props.unread}
        onPress={props.onChat}
      />
      {props.onNotes && (
        <Control icon="note" label={words.notes} pressed={props.notesOpen} onPress={props.onNotes} />
      )}
      {props.panel && (
        <Control
          icon={props.panel.icon}
          label={props.panel.label}
          pressed={props.panel.open}
          onPress={props.panel.onPress}
        />
      )}
      {canShare && (
        <Control
          icon="screen"
          label={screen === null ? words.share : words.stopSharing}
          pressed={screen !== null}
          onPress={() => turn(session.share(screen === null))}
        />
      )}
      {props.recording && (
        <Control
          icon={props.recording.running ? "stop" : "record"}
          label={props.recording.running ? words.stopRecording : words.record}
          pressed={props.recording.running}
          disabled={props.recording.busy}
          onPress={() => {
            onTry();
            props.recording?.toggle();
          }}
        />
      )}
      <Control icon="leave" label={words.leave} danger onPress={props.onLeave} />
    </div>
  );
}

interface ControlProps {
  icon: IconName;
  label: string;
  /** Said instead of the label, where the state must be said. */
  hint?: string;
  pressed?: boolean | undefined;
  off?: boolean;
  danger?: boolean;
  disabled?: boolean;
  count?: number;
  onPress: () => void;
}

function Control({
  icon,
  label,
  hint,
  pressed,
  off,
  danger,
  disabled,
  count = 0,
  onPress,
}: ControlProps): ReactNode {
  return (
    <button
      type="button"
      className={styles.control}
      aria-label={count > 0 ? `${hint ?? label} (${count})` : hint}
      aria-pressed={pressed}
      data-off={off || undefined}
      data-danger={danger || undefined}
      disabled={disabled}
      onClick={onPress}
    >
      <span className={styles.disc}>
        <Icon name={icon} size={24} />
        {count > 0 && <span className={styles.count}>{count}</span>}
      </span>
      <span aria-hidden={hint !== undefined}>{label}</span>
    </button>
  );
}
